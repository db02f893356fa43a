import io
import itertools
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import ModuleType, SimpleNamespace

import filelock
import pytest
from fake_embedder import FakeEmbedder
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from assistant import cli
from assistant.citation import Citation
from assistant.documents import Document
from assistant.errors import (
    AssistantError,
    CorpusError,
    IndexDamagedError,
    IndexMissingError,
    ModelError,
    QuestionError,
)
from assistant.filters import Filters
from assistant.reply import Reply
from assistant.settings import Settings

ROOT = Path(__file__).parent.parent
TEXT = "The pact was announced in \x1b[31mOuagadougou\x1b[0m on Friday. [bold]It was not signed.[/bold]"
REPLY = Reply(
    status="answered",
    text="The pact was announced in \x1b[31mOuagadougou\x1b[0m. [1]",
    question="Where was the pact announced?",
    citations=[
        Citation(
            number=1,
            document_id="pact",
            title="A pact\x1b]0;owned\x07 is made",
            author="Ada [red]Writer[/red]",
            published=date(2024, 5, 30),
            source="news/pact.txt",
            quote=TEXT,
            start=0,
            end=len(TEXT),
        )
    ],
)
PARTIAL = Reply(
    status="partial",
    text="They met. ",
    question="Who signed?",
    reason="the articles do not name the signatories",
    missing=["who signed"],
)


class FakeAssistant:
    """Answers with a queue of replies, and keeps what it was asked."""

    def __init__(self, *replies: Reply | Exception) -> None:
        self.documents = [Document(id="pact", title="A pact", text=TEXT)]
        self.asked: list[tuple[str, object, Filters | None]] = []
        self.replies = list(replies)
        self.opened_with: Settings | None = None

    def open(self, settings: Settings | None = None, progress: object = None) -> "FakeAssistant":
        self.opened_with = settings
        return self

    def ask(self, question: str, *, history: object = None, filters: Filters | None = None) -> Reply:
        self.asked.append((question, history, filters))
        reply = self.replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeAssistant:
    assistant = FakeAssistant()
    module = ModuleType("assistant.pipeline")
    module.Assistant = assistant  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "assistant.pipeline", module)
    return assistant


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("ASSISTANT_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    # Chroma keeps one client for a path as it is written, so a relative one would be that of another test's folder.
    monkeypatch.setenv("ASSISTANT_INDEX", str(tmp_path / "index"))


@pytest.fixture
def fake_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """An embedder of no weight, where it is not the vectors that matter."""
    monkeypatch.setattr(cli, "_embedder", lambda settings: FakeEmbedder())


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "pact.txt").write_text("A pact is made\n\nThe pact was announced in Ouagadougou.\n", encoding="utf-8")
    (folder / "flood.txt").write_text("A flood\n\nThe river rose by two metres in a day.\n", encoding="utf-8")
    return folder


def run(*arguments: str, given: str | bytes | None = None) -> Result:
    return CliRunner().invoke(cli.app, list(arguments), input=given)


def flip(path: Path) -> None:
    """Make the last bit of a file another."""
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))


def start(*arguments: str | bytes, given: bytes = b"", **environment: str) -> "subprocess.CompletedProcess[bytes]":
    """A process of its own, for what depends on real streams and real imports."""
    return subprocess.run(
        [sys.executable, "-m", "assistant", *arguments],
        input=given,
        capture_output=True,
        check=False,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )


# ── help ─────────────────────────────────────────────────────────────────────────────────


def test_help_imports_no_model_server_or_database():
    code = (
        "import sys; from typer.testing import CliRunner; from assistant.cli import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "heavy = {'torch', 'chromadb', 'gradio', 'llama_index', 'sentence_transformers', 'transformers'}\n"
        "print(*heavy & set(sys.modules))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == ""


def test_help_names_every_command_and_every_exit_status_that_an_error_has():
    text = run("--help").stdout
    for command in ("index", "ask", "chat", "status", "doctor"):
        assert f"  {command} " in text
    codes, classes = set(), [AssistantError]
    while classes:
        classes.extend((found := classes.pop()).__subclasses__())
        codes.add(found.exit_code)
    for code in codes:
        assert f"\n    {code}    " in text


# ── ask ──────────────────────────────────────────────────────────────────────────────────


def test_ask_prints_the_answer_and_each_citation_with_all_that_identifies_it(fake: FakeAssistant):
    fake.replies = [REPLY]
    result = run("ask", "Where was the pact announced?")
    assert result.exit_code == 0
    assert result.stdout.startswith("The pact was announced in Ouagadougou. [1]\n")
    for part in ("[1] “The pact was", "A pact is made", "2024-05-30", "news/pact.txt", f"characters 0-{len(TEXT)}"):
        assert part in result.stdout


def test_ask_prints_what_articles_say_without_escapes_and_without_taking_it_for_markup(fake: FakeAssistant):
    fake.replies = [REPLY]
    output = run("ask", "Where?").stdout
    assert "\x1b" not in output
    assert "\x07" not in output
    assert "owned" not in output
    assert "[bold]It was not signed.[/bold]" in output
    assert "Ada [red]Writer[/red]" in output


def test_ask_says_what_is_missing_and_why_and_that_is_no_failure(fake: FakeAssistant):
    fake.replies = [PARTIAL]
    result = run("ask", "Who signed?")
    assert result.exit_code == 0
    assert "partial: the articles do not name the signatories" in result.stdout
    assert "missing: who signed" in result.stdout


def test_ask_json_is_the_whole_reply(fake: FakeAssistant):
    fake.replies = [REPLY]
    assert json.loads(run("ask", "Where?", "--json").stdout) == REPLY.to_dict()


def test_ask_hands_on_filters_and_history(fake: FakeAssistant, tmp_path: Path):
    (tmp_path / "h.json").write_text('\ufeff[["user", "é"], ["assistant", "b"]]', encoding="utf-8")
    fake.replies = [REPLY]
    options = ["--since", "2024-01-02", "--until", "2024-12-31", "--author", "Ada", "--source", "news"]
    assert run("ask", "Where?", *options, "--history", "h.json").exit_code == 0
    filters = Filters(since=date(2024, 1, 2), until=date(2024, 12, 31), author="Ada", source="news")
    assert fake.asked == [("Where?", [["user", "é"], ["assistant", "b"]], filters)]
    fake.replies = [REPLY]
    assert run("ask", "Where?", "--on", "2024-05-30").exit_code == 0
    assert fake.asked[1][2] == Filters(since=date(2024, 5, 30), until=date(2024, 5, 30))


def test_ask_with_a_dash_reads_the_question_from_standard_input(fake: FakeAssistant):
    fake.replies = [REPLY]
    run("ask", "-", given="\ufeffWhere was it?\nIn which town?\n")
    assert fake.asked[0][0] == "Where was it?\nIn which town?"


def test_bytes_that_are_no_text_are_replaced_in_a_question(fake: FakeAssistant):
    fake.replies = [REPLY, REPLY]
    run("ask", "-", given=b"Where\xff?")
    run("ask", "Where\udcff?")
    assert [question for question, *_ in fake.asked] == ["Where\ufffd?", "Where\ufffd?"]


@pytest.mark.parametrize("question", ["", "  \n"])
def test_an_empty_question_is_a_usage_error_that_says_how_to_ask(fake: FakeAssistant, question: str):
    for result in (run("ask", question), run("ask", "-", given=question)):
        assert result.exit_code == 2
        assert 'assistant ask "Where was the pact announced?"' in result.stderr
    assert fake.opened_with is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--since", "yesterday"], "'yesterday'"),
        (["--since", "2024-02-01", "--until", "2024-01-01"], "swap"),
        (["--since", "2024-02-01", "--on", "2024-02-01"], "'on'"),
        (["--history", "none.json"], "none.json"),
    ],
)
def test_a_filter_or_history_that_cannot_be_used_ends_before_a_model_is_loaded(
    fake: FakeAssistant, options: list[str], said: str
):
    result = run("ask", "Where?", *options)
    assert result.exit_code == 2
    assert said in result.stderr
    assert fake.opened_with is None


def test_a_history_that_is_not_json_is_named(fake: FakeAssistant, tmp_path: Path):
    (tmp_path / "h.json").write_bytes(b"\xff[")
    result = run("ask", "Where?", "--history", "h.json")
    assert (result.exit_code, "h.json" in result.stderr) == (2, True)


@pytest.mark.parametrize("error", [QuestionError, CorpusError, IndexMissingError, ModelError, AssistantError])
def test_what_a_user_can_mend_is_printed_without_a_traceback(fake: FakeAssistant, error: type[AssistantError]):
    fake.replies = [error("found \x1b[2Jthis; do that")]
    result = run("ask", "Where?")
    assert result.exit_code == error.exit_code
    assert result.stderr == "error: found this; do that\n"
    assert result.stdout == ""


def test_a_setting_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ASSISTANT_HITS", "0")
    result = run("ask", "Where?")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ASSISTANT_HITS is '0'")


def test_ctrl_c_ends_with_130_and_without_a_traceback(fake: FakeAssistant):
    fake.replies = [KeyboardInterrupt()]  # type: ignore[list-item]
    fake.ask = lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt)  # type: ignore[method-assign, assignment]
    result = run("ask", "Where?")
    assert result.exit_code == 130
    assert "Traceback" not in result.output


# ── chat ─────────────────────────────────────────────────────────────────────────────────


def test_chat_in_the_terminal_keeps_the_history_until_told_to_start_over(fake: FakeAssistant):
    fake.replies = [REPLY, QuestionError("too long"), PARTIAL, REPLY]
    result = run("chat", "--terminal", given="Where?\n\nToo long?\nWho signed?\n/new\nWhere?\n/quit\nnever\n")
    assert result.exit_code == 0
    assert "error: too long" in result.stderr
    first = [("user", "Where?"), ("assistant", REPLY.text)]
    assert [history for _, history, _ in fake.asked] == [[], first, first, []]


def test_chat_says_so_when_the_port_is_taken(fake: FakeAssistant, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cli, "port_is_free", lambda host, port: False)
    result = run("chat", "--port", "7861")
    assert result.exit_code == 2
    assert "port 7861" in result.stderr
    assert "assistant chat --port 0" in result.stderr
    assert fake.opened_with is None


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """A chat page that is interrupted at once; in the list once it was closed."""
    closed: list[bool] = []
    page = SimpleNamespace(local_url="http://127.0.0.1:7862/", close=lambda verbose: closed.append(True))
    ui = ModuleType("assistant.ui")
    ui.serve = lambda assistant, settings, block: page  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "assistant.ui", ui)
    monkeypatch.setattr(cli, "port_is_free", lambda host, port: True)

    def interrupt(self: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "threading", SimpleNamespace(Event=lambda: SimpleNamespace(wait=lambda: interrupt(None))))
    return closed


@pytest.mark.usefixtures("fake_model")
def test_chat_says_where_the_page_is_and_closes_it_in_the_end(articles: Path, fake: FakeAssistant, closed: list[bool]):
    run("index", "articles")
    result = run("chat", "--port", "7862")
    assert result.exit_code == 130
    assert "http://127.0.0.1:7862/" in result.stdout
    assert closed == [True]
    assert fake.opened_with is not None
    assert fake.opened_with.port == 7862


@pytest.mark.usefixtures("fake_model", "fake")
def test_chat_ends_where_a_file_too_large_to_be_looked_at_on_opening_is_damaged(
    articles: Path, closed: list[bool], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("assistant.generation.CHECKED_AT_OPENING", 0)
    run("index", "articles")
    (vectors,) = Settings().index.glob("generations/*/sentences.npy")
    flip(vectors)
    result = run("chat", "--port", "7862")
    assert result.exit_code == IndexDamagedError.exit_code
    assert "http://127.0.0.1:7862/" in result.stdout
    assert "sentences.npy is not as it was written" in result.stderr
    assert closed == [True]


# ── index and status, with the real index ────────────────────────────────────────────────


@pytest.mark.usefixtures("fake_model")
def test_index_counts_what_it_did_and_names_each_unread_file_with_its_reason(articles: Path):
    (articles / "broken.txt").write_bytes(bytes(range(256)) * 4)
    first = run("index", "articles")
    assert first.exit_code == 6, first.output
    assert "2 articles added, 0 changed, 0 unchanged" in first.stdout
    assert "1 file could not be read" in first.stdout
    assert "broken.txt: " in first.stdout
    (articles / "flood.txt").write_text("A flood\n\nThe river fell again.\n", encoding="utf-8")
    (articles / "picture.png").touch()
    again = run("index", "articles", "--json")
    assert again.exit_code == 6
    second = json.loads(again.stdout)
    assert (second["added"], second["changed"], second["unchanged"]) == ([], ["flood"], ["pact"])
    assert second["articles"] == 2
    assert "broken.txt" in second["unread"][0]["path"]
    assert second["unread"][0]["reason"]
    (articles / "broken.txt").unlink()
    third = run("index", "articles")
    assert third.exit_code == 0
    assert "1 file of other formats passed over: 1 .png" in third.stdout


def test_the_bar_shows_passages_done_their_rate_and_the_time_left(monkeypatch: pytest.MonkeyPatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("rich.console.monotonic", itertools.count().__next__)
    with cli._progress("indexing") as report:
        for done in (100, 140, 180, 220):
            report(done, 1_000)
    shown = cli.clean(terminal.getvalue())
    assert "220/1000" in shown
    assert re.search(r"\d+ passages/s 0:\d\d:\d\d", shown)


@pytest.mark.usefixtures("fake_model")
def test_index_takes_out_what_is_no_longer_there_when_asked_to(articles: Path):
    run("index", "articles")
    (articles / "flood.txt").rename(articles / "river.txt")
    (articles / "rows.csv").write_text("id,text\n1,one thing\n2,another thing\n", encoding="utf-8")
    renamed = json.loads(run("index", "articles", "--json").stdout)
    assert (renamed["added"], renamed["removed"], renamed["gone"]) == (["river", "rows#1", "rows#2"], ["flood"], [])
    assert renamed["embedded"] == 2
    (articles / "pact.txt").unlink()
    (articles / "rows.csv").write_text("id,text\n2,another thing\n", encoding="utf-8")
    kept = run("index", "articles")
    assert "2 articles no longer in the files given and kept; --prune takes them out" in kept.stdout
    pruned = json.loads(run("index", "articles", "--prune", "--json").stdout)
    assert sorted(pruned["removed"]) == ["pact", "rows#1"]
    assert (pruned["articles"], pruned["embedded"], pruned["gone"]) == (2, 0, [])
    about = json.loads(run("status", "--json").stdout)
    assert [article["id"] for article in about["documents"]] == ["river", "rows#2"]
    assert not any(about["changes"].values())


@pytest.mark.usefixtures("fake_model")
def test_an_index_among_the_articles_is_not_read_as_one_of_them(articles: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ASSISTANT_INDEX", str(articles / "index"))
    for place in ("articles", "articles", "articles/**/*"):
        done = json.loads(run("index", place, "--json").stdout)
        assert (done["articles"], done["changed"], done["unread"]) == (2, [], [])
    assert not any(json.loads(run("status", "--json").stdout)["changes"].values())


@pytest.mark.usefixtures("fake_model")
def test_index_says_that_articles_which_are_not_given_stay_and_rebuild_drops_them(articles: Path):
    run("index", "articles")
    assert "1 article indexed earlier stay" in run("index", "articles/pact.txt").stdout
    assert json.loads(run("index", "--rebuild", "--json", "articles/pact.txt").stdout)["articles"] == 1


@pytest.mark.parametrize("path", ["nowhere", "empty", "odd\udcff"])
def test_index_ends_with_3_where_nothing_can_be_read(tmp_path: Path, path: str):
    (tmp_path / "empty").mkdir()
    result = run("index", path)
    assert result.exit_code == 3
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.output


def test_status_says_what_is_indexed_and_by_which_model(articles: Path):
    run("index", "articles")
    text = run("status").stdout
    assert "articles  2 (flood, pact)" in text
    assert "all-MiniLM-L6-v2" in text
    about = json.loads(run("status", "--json").stdout)
    assert (about["articles"], len(about["documents"])) == (2, 2)
    assert about["made_with"]["embedder"] == "all-MiniLM-L6-v2"
    assert about["from"] == [str(articles)]
    assert "2 without a date" in text
    assert "files     as they were written" in text
    assert "nothing differs now" in text


@pytest.mark.usefixtures("fake_model")
def test_status_looks_at_every_byte_and_index_mends_what_changed(articles: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("assistant.generation.CHECKED_AT_OPENING", 0)
    run("index", "articles")
    (vectors,) = Settings().index.glob("generations/*/sentences.npy")
    flip(vectors)
    damaged = run("status")
    assert damaged.exit_code == IndexDamagedError.exit_code
    assert "sentences.npy is not as it was written" in damaged.stderr and "--rebuild" in damaged.stderr
    assert "sentences.npy is not as it was written" in run("index", "articles").stdout
    assert run("status").exit_code == 0


@pytest.mark.usefixtures("fake_model")
def test_status_says_what_differs_now(articles: Path):
    (articles / "bad.txt").write_bytes(b"")
    run("index", "articles")
    (articles / "new.txt").write_text("New.", encoding="utf-8")
    (articles / "flood.txt").write_text("Another flood.", encoding="utf-8")
    (articles / "pact.txt").unlink()
    (articles / "picture.png").touch()
    os.utime(articles / "bad.txt", (1, 1))  # touched, and the same
    about = json.loads(run("status", "--json").stdout)
    assert about["changes"] == {
        "new": [str(articles / "new.txt")],
        "changed": [str(articles / "flood.txt")],
        "gone": [str(articles / "pact.txt")],
        "missing": [],
    }
    assert [note["reason"] for note in about["unread"]] == ["empty"]
    assert "1 no longer there (--prune takes them out): " in run("status").stdout
    articles.rename(articles.with_name("elsewhere"))
    assert json.loads(run("status", "--json").stdout)["changes"]["missing"] == [str(articles)]


@pytest.mark.usefixtures("fake_model")
def test_articles_in_a_folder_that_cannot_be_opened_stay(articles: Path, monkeypatch: pytest.MonkeyPatch):
    closed = articles / "closed"
    closed.mkdir()
    (closed / "quake.txt").write_text("The earth shook in Lima.", encoding="utf-8")
    run("index", "articles")
    (articles / "flood.txt").unlink()
    scan = os.scandir

    def refuse(path: str) -> Iterator[os.DirEntry[str]]:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", refuse)
        about = json.loads(run("status", "--json").stdout)
        assert about["changes"]["gone"] == [str(articles / "flood.txt")]
        assert [note["reason"] for note in about["unread"]] == ["permission denied: make it readable"]
        pruned = run("index", "articles", "--prune", "--json")
    assert pruned.exit_code == 6
    assert json.loads(pruned.stdout)["removed"] == ["flood"]
    again = json.loads(run("index", "articles", "--prune", "--json").stdout)
    assert (again["unchanged"], again["added"], again["embedded"]) == (["closed/quake", "pact"], [], 0)
    (closed / "quake.txt").unlink()
    assert json.loads(run("index", "articles", "--prune", "--json").stdout)["removed"] == ["closed/quake"]


@pytest.mark.usefixtures("fake_model")
def test_status_names_all_that_index_could_not_read(articles: Path):
    (articles / "bad.txt").write_bytes(b"")
    (articles / "dead.txt").symlink_to(articles / "nothing.txt")
    (articles / "out").symlink_to(articles.parent)
    (articles / "loop").symlink_to(articles / "loop")
    said, known = (
        json.loads(run(*command, "--json").stdout)["unread"] for command in (("index", "articles"), ("status",))
    )
    assert len(said) == 4
    assert sorted(Path(note["path"]).name for note in known) == sorted(Path(note["path"]).name for note in said)
    assert "unread    4; " in run("status").stdout


def test_status_without_an_index_ends_with_4_and_says_how_to_make_one():
    result = run("status")
    assert result.exit_code == 4
    assert "assistant index PATH" in result.stderr


# ── real processes ───────────────────────────────────────────────────────────────────────


def test_arguments_of_odd_bytes_end_in_a_message():
    done = start(b"ask", b"\xff", b"--since", b"\xfe", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert done.returncode == 2
    assert done.stderr.startswith(b"error: filter 'since'")


WATCHER = """
import sys
sys.path[:0] = [sys.argv.pop(1), sys.argv.pop(1)]
from assistant import cli
from fake_embedder import FakeEmbedder
cli._embedder = lambda settings: FakeEmbedder()
cli.TRIED_AGAIN = 1
cli.main()
"""


def test_a_watch_indexes_what_changes_and_goes_on_after_a_failure(articles: Path):
    command = [sys.executable, "-u", "-c", WATCHER, str(ROOT), str(ROOT / "tests")]
    options = ["index", "articles", "--watch", "--prune", "--json"]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watch:
        assert watch.stdout is not None
        assert watch.stderr is not None
        said = iter(watch.stdout.readline, "")

        def report() -> dict[str, list[str]]:
            lines: list[str] = []
            for line in said:
                lines.append(line)
                if line == "}\n":
                    break
            return json.loads("".join(lines))

        assert report()["added"] == ["flood", "pact"]
        assert watch.stderr.readline().startswith("watching ")
        (articles / "new.txt").write_text("A bridge is open.", encoding="utf-8")
        (articles / "flood.txt").unlink()
        done = report()
        while not done["removed"]:  # the two may be seen apart
            assert done["added"] in (["new"], [])
            done = report()
        assert done["removed"] == ["flood"]
        (articles / "new.txt").unlink()
        (articles / "pact.txt").rename(articles.parent / "pact.txt")
        assert watch.stderr.readline().startswith("error: 'articles' has no article that can be read")
        (articles.parent / "pact.txt").rename(articles / "pact.txt")
        assert report()["removed"] == ["new"]
        with filelock.FileLock(Settings().index / "lock"):
            (articles / "quake.txt").write_text("The earth shook.", encoding="utf-8")
            assert watch.stderr.readline().startswith("error: another process is writing the index")
        assert report()["added"] == ["quake"]
        watch.send_signal(signal.SIGINT)
        watch.communicate(timeout=60)
        assert watch.returncode == 130


def test_a_reader_that_goes_away_is_met_with_silence(articles: Path):
    run("index", "articles")
    command = [sys.executable, "-m", "assistant", "status"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait(60) == 141
    assert said == b""


# ── cleaning ─────────────────────────────────────────────────────────────────────────────


@given(st.text(alphabet=st.characters() | st.sampled_from("\x1b\x07\x9b\x9d\x90\\[]m;0\u202e"), max_size=40))
def test_cleaned_text_has_no_control_but_tab_and_line_feed(text: str):
    cleaned = cli.clean(text)
    assert not [c for c in cleaned if (c < " " and c not in "\t\n") or "\x7f" <= c <= "\x9f" or c == "\u202e"]
    assert "\n" not in cli.clean(text, one_line=True)


@given(st.text(alphabet=st.characters(exclude_categories=("C",)), max_size=40))
def test_cleaning_leaves_plain_text_as_it_is(text: str):
    assert cli.clean(text) == text
