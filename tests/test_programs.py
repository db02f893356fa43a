"""What programs get from the page's server: the Reply as JSON, over Gradio's API and over MCP; many at once."""

import asyncio
import gc
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from assistant.documents import Document
from assistant.errors import SettingsError
from assistant.reply import Reply
from assistant.settings import Settings

pytest.importorskip("gradio")
pytestmark = [
    # Gradio's client leaves its sockets and loops to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
SEEDS = Path(__file__).parents[1] / "seeds"
QUESTION = "Where was the pact announced?"


@pytest.fixture(autouse=True)
def collected():
    """What a client leaves behind is collected in its own test."""
    yield
    gc.collect()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    from assistant import Assistant
    from assistant.ui import serve

    settings = Settings(port=0, index=tmp_path_factory.mktemp("programs") / "index", corpus=SEEDS)
    assistant = Assistant.open(settings)
    page = serve(assistant, settings, block=False)
    yield SimpleNamespace(url=page.local_url, assistant=assistant)
    page.close(verbose=False)


def client_of(url, tmp_path, **options):
    from gradio_client import Client

    return Client(url, verbose=False, analytics_enabled=False, download_files=tmp_path, **options)


def without_timings(reply):
    return {key: value for key, value in reply.items() if key != "timings"}


def test_the_api_gives_the_whole_reply(served, tmp_path):
    client = client_of(served.url, tmp_path)
    reply = client.predict(QUESTION, api_name="/ask")
    assert without_timings(reply) == without_timings(served.assistant.ask(QUESTION).to_dict())
    text = (SEEDS / "000_c9ada446ede6ec9f.txt").read_text(encoding="utf-8")
    for citation in reply["citations"]:
        assert text[citation["start"] : citation["end"]] == citation["quote"]
    history = [["user", "Is Senegal a member of the AES?"], ["assistant", "No."]]
    follow_up = client.predict("and Mali?", history, api_name="/ask")
    assert "Mali a member of the AES" in follow_up["question"]
    nobody = client.predict(QUESTION, author="Nobody", api_name="/ask")
    assert (nobody["status"], nobody["hits"]) == ("abstained", [])
    that_day = client.predict(QUESTION, on="2001-01-01", api_name="/ask")
    assert (that_day["status"], that_day["hits"]) == ("abstained", [])
    assert [article["author"] for article in client.predict("nyasuguta", api_name="/articles")] == ["Faith Nyasuguta"]


def test_the_api_says_in_a_sentence_what_it_cannot_do(served, tmp_path):
    client = client_of(served.url, tmp_path)
    with pytest.raises(Exception, match="expected a date such as"):
        client.predict(QUESTION, since="yesterday", api_name="/ask")
    with pytest.raises(Exception, match=r"not a list of \[role, text\] pairs"):
        client.predict(QUESTION, [["user"]], api_name="/ask")


def test_programs_are_offered_questions_and_the_list_of_articles_and_nothing_else(served, tmp_path):
    offered = client_of(served.url, tmp_path).view_api(return_format="dict", print_info=False)
    assert sorted(offered["named_endpoints"]) == ["/articles", "/ask"]
    assert offered["unnamed_endpoints"] == {}


def talk(url, *calls):
    """The tools of the page's MCP server, and the results of calls to them, as the official client gives them."""
    pytest.importorskip("mcp")
    from mcp import ClientSession
    from mcp.client.streamable_http import streamable_http_client

    async def talking():
        async with streamable_http_client(f"{url}gradio_api/mcp/") as (read, write, _), ClientSession(read, write) as s:
            await s.initialize()
            tools = (await s.list_tools()).tools
            return {tool.name: tool for tool in tools}, [await s.call_tool(name, given) for name, given in calls]

    return asyncio.run(talking())


def test_mcp_gives_the_whole_reply_as_json_text_and_structured_in_the_declared_shape(served):
    tools, (result,) = talk(served.url, ("ask", {"question": QUESTION}))
    assert "cited to the exact words" in tools["ask"].description
    assert tools["ask"].inputSchema["required"] == ["question"]
    assert not result.isError
    expected = without_timings(served.assistant.ask(QUESTION).to_dict())
    assert without_timings(json.loads(result.content[0].text)) == expected
    assert without_timings(result.structuredContent) == expected
    # The client has held the result against this schema, which says what each part is.
    schema = tools["ask"].outputSchema
    assert set(result.structuredContent) == set(schema["properties"])
    assert set(schema["$defs"]["Citation"]["required"]) >= {"quote", "start", "end", "title"}


def test_mcp_lists_articles_and_says_in_a_sentence_what_it_cannot_do(served):
    calls = [("articles", {"search": "nyasuguta"}), ("ask", {"question": QUESTION, "since": "yesterday"})]
    tools, (listed, refused) = talk(served.url, *calls)
    assert sorted(tools) == ["articles", "ask"]
    assert [article["author"] for article in listed.structuredContent["result"]] == ["Faith Nyasuguta"]
    assert json.loads(listed.content[0].text) == listed.structuredContent["result"]
    assert refused.isError and refused.structuredContent is None
    assert "expected a date such as '2024-12-31'" in refused.content[0].text


def test_eight_people_ask_at_once_and_each_is_answered_in_the_order_of_asking(served, tmp_path):
    questions = [QUESTION, "How large is the joint AES force?"]
    expected = [served.assistant.ask(question).text for question in questions]

    def person(number):
        client = client_of(served.url, tmp_path / str(number))
        jobs = [client.submit(question, api_name="/ask") for question in questions]
        replies = [job.result(timeout=120) for job in jobs]
        return [reply["text"] for reply in replies]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(person, range(8))) == [expected] * 8


class SlowForOne:
    """An assistant whose answer to one question waits until it is told to go on, as that of a slow model would."""

    documents = (Document(id="a", text="Some words."),)
    language_model = None

    def __init__(self):
        self.index = SimpleNamespace(documents=self.documents, indexed=lambda document_id: None)
        self.go_on = threading.Event()
        self.waiting = threading.Semaphore(0)

    def ask(self, question, *, history=None, filters=None):
        if question == "slow":
            self.waiting.release()
            assert self.go_on.wait(60)
        return Reply(status="answered", text=question, question=question)


def test_a_slow_answer_of_one_does_not_stop_those_of_others(tmp_path):
    from assistant.ui import serve

    assistant = SlowForOne()
    page = serve(assistant, Settings(port=0, index=tmp_path / "index"), block=False)
    try:
        client = client_of(page.local_url, tmp_path)
        slow = [client.submit("slow", api_name="/ask") for _ in range(4)]
        for _ in slow:
            assert assistant.waiting.acquire(timeout=60)
        began = time.monotonic()
        assert client.submit("quick", api_name="/ask").result(timeout=60)["text"] == "quick"
        assert time.monotonic() - began < 30
        assert not any(job.done() for job in slow)
        assistant.go_on.set()
        assert [job.result(timeout=60)["text"] for job in slow] == ["slow"] * 4
    finally:
        assistant.go_on.set()
        page.close(verbose=False)


class OneByOne(SlowForOne):
    """An assistant that answers one question for each leave it is given, and keeps the order in which it began."""

    def __init__(self):
        super().__init__()
        self.leave = threading.Semaphore(0)
        self.begun = []

    def ask(self, question, *, history=None, filters=None):
        self.begun.append(question)
        assert self.leave.acquire(timeout=60)
        return Reply(status="answered", text=question, question=question)


def test_of_more_people_than_there_are_places_each_is_answered_in_the_order_of_asking(tmp_path):
    from gradio_client.utils import Status

    from assistant.ui import ANSWERS_AT_ONCE, serve

    def until(met):
        deadline = time.monotonic() + 60
        while not met():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    assistant, questions = OneByOne(), [f"{number}?" for number in range(ANSWERS_AT_ONCE + 6)]
    page = serve(assistant, Settings(port=0, index=tmp_path / "index"), block=False)
    try:
        jobs = []
        for number, question in enumerate(questions):
            jobs.append(client_of(page.local_url, tmp_path / str(number)).submit(question, api_name="/ask"))
            if number < ANSWERS_AT_ONCE:
                until(lambda: len(assistant.begun) == len(jobs))
            else:
                until(lambda: jobs[-1].status().code is Status.IN_QUEUE and jobs[-1].status().rank is not None)
        assert assistant.begun == questions[:ANSWERS_AT_ONCE]
        for begun in range(ANSWERS_AT_ONCE, len(questions)):
            assistant.leave.release()
            until(lambda: len(assistant.begun) == begun + 1)  # noqa: B023
        assert assistant.begun == questions
        assistant.leave.release(len(questions))
        assert [job.result(timeout=60)["text"] for job in jobs] == questions
    finally:
        assistant.leave.release(len(questions))
        page.close(verbose=False)


def test_no_file_is_read_or_written_outside_of_what_was_handed_in(served):
    from http.client import HTTPConnection
    from urllib.parse import quote, urlsplit

    index = served.assistant.settings.index
    before = {path for path in index.parent.rglob("*") if path.is_file()}
    connection = HTTPConnection(urlsplit(served.url).netloc, timeout=30)

    def status(method, path, body=None, headers=None):
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.read()

    secret = index / "notebook.sqlite"
    secret.touch()
    outside = [SEEDS / "000_c9ada446ede6ec9f.txt", secret, Path("/etc/passwd"), index / "incoming" / ".." / secret.name]
    assert all(path.exists() or "incoming" in path.parts for path in outside)
    for path in outside:
        for asked in (f"/gradio_api/file={path}", f"/gradio_api/file={quote(str(path), safe='')}", f"/file={path}"):
            assert status("GET", asked)[0] in (403, 404), asked
    for name in ("../../../evil.txt", "/tmp/evil.txt", "..\\..\\evil.txt", "%2e%2e%2fevil.txt"):
        body = (
            f'--b\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
            "Content-Type: text/plain\r\n\r\nEvil.\r\n--b--\r\n"
        )
        code, said = status("POST", "/gradio_api/upload", body, {"Content-Type": "multipart/form-data; boundary=b"})
        assert code == 200 and Path(json.loads(said)[0]).resolve().is_relative_to((index / "incoming").resolve())
    connection.close()
    written = {path for path in index.parent.rglob("*") if path.is_file()} - before - {secret}
    assert written and all(path.is_relative_to(index / "incoming") for path in written)
    assert not Path("/tmp/evil.txt").exists()


def test_a_page_with_a_password_answers_nobody_without_it(tmp_path):
    from http.client import HTTPConnection
    from urllib.parse import urlsplit

    from assistant.ui import serve

    settings = Settings(port=0, index=tmp_path / "index", user="reader", password="long enough, is it?")
    page = serve(SlowForOne(), settings, block=False)
    try:
        connection = HTTPConnection(urlsplit(page.local_url).netloc, timeout=30)
        answers = {}
        for path in ("/config", "/gradio_api/info", "/gradio_api/mcp/"):
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
            answers[path] = response.status
        body = json.dumps({"data": ["quick"], "session_hash": "x", "fn_index": 0})
        for path in ("/gradio_api/queue/join", "/gradio_api/component_server", "/gradio_api/upload"):
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            response.read()
            answers[path] = response.status
        connection.close()
        assert answers.pop("/gradio_api/mcp/") in (401, 404)
        assert {path: status for path, status in answers.items() if status != 401} == {}
        with pytest.raises(Exception, match=r"credentials|auth|login"):
            client_of(page.local_url, tmp_path, auth=("reader", "wrong"))
        client = client_of(page.local_url, tmp_path, auth=("reader", "long enough, is it?"))
        assert client.predict("quick", api_name="/ask")["text"] == "quick"
    finally:
        page.close(verbose=False)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"host": "0.0.0.0"}, "set ASSISTANT_USER and ASSISTANT_PASSWORD"),
        ({"host": "192.168.1.5", "user": "reader"}, "go together"),
        ({"user": "reader", "password": "short"}, "at least 12 characters"),
    ],
)
def test_another_address_needs_a_user_and_a_good_password(given, said):
    with pytest.raises(SettingsError) as caught:
        Settings(**given)
    assert said in str(caught.value)
    assert "short" not in str(caught.value).replace("shorten", "")


def test_a_password_is_in_no_repr():
    settings = Settings(host="0.0.0.0", user="reader", password="long enough, is it?")
    assert "long enough" not in repr(settings) + str(settings) + settings.model_dump_json()
