"""The notebook: conversations of one browser, kept in a file and told apart from another's."""

import json
import os
import sqlite3
import threading
from datetime import date

import pytest
import yaml

from assistant.citation import cite
from assistant.documents import Document
from assistant.errors import NotebookError
from assistant.notebook import Notebook, add_case, to_json, to_markdown
from assistant.passages import Passage
from assistant.reply import Reply
from assistant.retrieval import Hit
from assistant.sentences import Span
from assistant.verification import Claim, Verdict

TEXT = "The harbour of Kelm reopened on Monday. The mayor cut a ribbon."
DOCUMENT = Document(id="a", text=TEXT, title="Harbour", author="Ann", published=date(2025, 5, 1), source="Daily")
PASSAGE = Passage(document_id="a", start=0, end=39, text=TEXT[:39], sentences=(Span(0, 39),))
REPLY = Reply(
    status="answered",
    text="**Monday** [1]\n\nThe harbour of Kelm reopened on Monday. [1]",
    question="When did it reopen?",
    short="Monday",
    claims=[Claim(text=TEXT[:39], citations=[1], verdict=Verdict(label="supported", score=1.0, reasons=["verbatim"]))],
    citations=[cite(1, DOCUMENT, 0, 39)],
    hits=[Hit(passage=PASSAGE, score=0.9, dense=0.8, lexical=3.0, rank=1, cited=True)],
    timings={"total": 0.1},
)


@pytest.fixture
def notebook(tmp_path):
    return Notebook(tmp_path / "index" / "notebook.sqlite")


def keep(notebook, owner="me", conversation=None, place=0, question="When?"):
    return notebook.record(owner, conversation, place, question, REPLY, {"author": "Ann"})


def test_what_was_said_is_there_again_as_it_was(notebook):
    name = keep(notebook)
    (exchange,) = Notebook(notebook.file).exchanges("me", name)
    assert (exchange.question, exchange.reply, exchange.filters) == ("When?", REPLY, {"author": "Ann"})
    assert [(entry.id, entry.title, entry.questions) for entry in notebook.conversations("me")] == [(name, "When?", 1)]


def test_another_browser_sees_and_changes_nothing(notebook):
    name = keep(notebook)
    assert notebook.conversations("you") == []
    for act in (
        lambda: notebook.exchanges("you", name),
        lambda: notebook.title("you", name),
        lambda: notebook.rename("you", name, "Mine"),
        lambda: notebook.delete("you", name),
        lambda: notebook.shorten("you", name, 0),
        lambda: notebook.judge("you", name, 0, "helpful", None),
        lambda: keep(notebook, "you", name),
    ):
        with pytest.raises(NotebookError, match="not kept here"):
            act()
    assert notebook.title("me", name) == "When?"
    assert len(notebook.exchanges("me", name)) == 1


def test_the_file_gives_nobody_a_browsers_secret_and_is_its_users_alone(notebook):
    keep(notebook, "a-secret-of-a-browser")
    assert b"a-secret-of-a-browser" not in notebook.file.read_bytes()
    if os.name == "posix":
        assert notebook.file.stat().st_mode & 0o077 == 0


def test_an_exchange_written_at_an_earlier_place_replaces_what_stood_there_and_behind(notebook):
    name = keep(notebook)
    keep(notebook, conversation=name, place=1, question="And who?")
    keep(notebook, conversation=name, place=0, question="Where?")
    assert [exchange.question for exchange in notebook.exchanges("me", name)] == ["Where?"]


def test_a_conversation_is_renamed_and_deleted_without_a_trace(notebook):
    name = keep(notebook, question="A word that is only here: zanzibarian")
    notebook.rename("me", name, "  Harbour\n talk ")
    assert notebook.title("me", name) == "Harbour talk"
    notebook.rename("me", name, "  ")
    assert notebook.title("me", name) == "Harbour talk"
    notebook.delete("me", name)
    assert notebook.conversations("me") == []
    assert b"zanzibarian" not in notebook.file.read_bytes()


def test_what_a_reader_thinks_is_kept_and_may_be_said_in_two_steps(notebook):
    name = keep(notebook)
    notebook.judge("me", name, 0, "helpful", None)
    notebook.judge("me", name, 0, None, "Short and right.")
    (exchange,) = notebook.exchanges("me", name)
    assert (exchange.rating, exchange.comment) == ("helpful", "Short and right.")
    with pytest.raises(NotebookError, match="no longer kept"):
        notebook.judge("me", name, 7, "helpful", None)


def test_many_write_at_once(notebook):
    names = []
    threads = [threading.Thread(target=lambda n=n: names.append(keep(notebook, f"owner {n}"))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(names)) == 8


def test_a_file_that_is_no_notebook_is_said_to_be_none(notebook):
    notebook.file.parent.mkdir(parents=True)
    notebook.file.write_text("not a database " * 100, encoding="utf-8")
    with pytest.raises(NotebookError, match=r"notebook\.sqlite.*cannot be read or written"):
        notebook.conversations("me")


def test_an_answer_of_another_version_is_said_to_be_one(notebook):
    name = keep(notebook)
    with sqlite3.connect(notebook.file) as db:
        db.execute("UPDATE exchanges SET reply = '{}'")
    db.close()
    with pytest.raises(NotebookError, match="another version"):
        notebook.exchanges("me", name)


def test_an_export_has_quotes_and_articles_data(notebook):
    exchanges = notebook.exchanges("me", keep(notebook, question="When [did] it *reopen*?"))
    markdown = to_markdown("Harbour *talk*", exchanges)
    assert r"# Harbour \*talk\*" in markdown
    assert r"## When \[did\] it \*reopen\*?" in markdown
    assert "[1] “The harbour of Kelm reopened on Monday.” — Harbour, Ann, 2025-05-01, Daily" in markdown
    assert "*Articles used: author Ann*" in markdown
    said = json.loads(to_json("Harbour", exchanges))["exchanges"][0]
    assert said["reply"] == REPLY.to_dict()
    citation = said["reply"]["citations"][0]
    assert TEXT[citation["start"] : citation["end"]] == citation["quote"]


def test_a_case_made_here_is_a_case_of_the_eval_suite(notebook, tmp_path):
    cases = pytest.importorskip("eval.cases")
    quotes = pytest.importorskip("eval.scores.quotes")
    name = keep(notebook)
    keep(notebook, conversation=name, place=1, question="When?")
    first, second = notebook.exchanges("me", name)
    file = tmp_path / "cases.yaml"
    add_case(file, [], first, "answered", ["reopened on Monday", " "], [DOCUMENT])
    add_case(file, [first], second, "abstained", ["left out"], [DOCUMENT])
    made = [cases.Case.model_validate(entry) for entry in yaml.safe_load(file.read_text(encoding="utf-8"))]
    assert [(case.id, case.status, case.gold) for case in made] == [
        ("page-when-1", ["answered"], [["reopened on Monday"]]),
        ("page-when-2", ["abstained"], []),
    ]
    assert made[0].short == ["Monday"]
    assert made[1].history[0] == ("user", "When?")
    assert quotes.right(made[0], REPLY, {}).value


def test_words_that_no_article_has_make_no_case(notebook, tmp_path):
    (exchange,) = notebook.exchanges("me", keep(notebook))
    with pytest.raises(NotebookError, match="reopened on Tuesday"):
        add_case(tmp_path / "cases.yaml", [], exchange, "answered", ["reopened on Tuesday"], [DOCUMENT])
    assert not (tmp_path / "cases.yaml").exists()
