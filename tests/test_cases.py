"""The cases: well formed, true to their articles, and scored as their schema says."""

from functools import cache
from pathlib import Path

import pytest

from assistant import Citation, Reply
from eval import cases
from eval.cases import Case, CasesError, misplaced, read_cases
from eval.scores.quotes import gold_quoted, right
from eval.scores.status import status_right
from eval.scores.words import exact_match
from eval.suites.seeds import articles as folder

NAMES = sorted(path.stem for path in cases.FOLDER.glob("*.yaml"))
SEED_NAMES = [name for name in NAMES if name.startswith("seeds_")]


@cache
def articles(corpus: str) -> list[str]:
    return [path.read_text(encoding="utf-8") for path in sorted(folder(corpus).glob("*.txt"))]


def test_ids_are_unique_over_all_files():
    assert len(read_cases(*NAMES)) >= 180


def test_each_half_has_at_least_sixty_cases():
    assert all(len(read_cases(name)) >= 60 for name in SEED_NAMES)


def test_each_case_names_a_corpus_with_articles():
    assert {case.corpus for case in read_cases(*SEED_NAMES)} == {""}
    assert all(articles(corpus) for corpus in {case.corpus for case in read_cases(*NAMES)})


@pytest.mark.parametrize("name", NAMES)
def test_the_words_of_a_gold_alternative_stand_in_one_article(name: str):
    assert [
        (case.id, alternative)
        for case in read_cases(name)
        for alternative in case.gold
        if not any(all(words in article for words in alternative) for article in articles(case.corpus))
    ] == []


def test_no_question_is_asked_in_two_files():
    asked = [(case.question.casefold(), tuple(case.history)) for case in read_cases(*NAMES)]
    assert len(asked) == len(set(asked))


def reply(status: str, *quotes: str, short: str | None = None) -> Reply:
    citations = [
        Citation(
            number=number, document_id="a", title="", author=None, published=None, source=None,
            quote=quote, start=0, end=len(quote),
        )
        for number, quote in enumerate(quotes, 1)
    ]  # fmt: skip
    return Reply(status=status, text="", question="", citations=citations, short=short)  # type: ignore[arg-type]


CASE = Case(id="x", kind="fact", question="?", status=["answered"], gold=[["one", "two"], ["three"]], short=["The Two"])


@pytest.mark.parametrize(
    ("given", "status", "gold", "short"),
    [
        (reply("answered", "one and two", short="two"), True, True, True),
        (reply("answered", "one", "two", short="“Two.”"), True, True, True),
        (reply("answered", "three", short="three"), True, True, False),
        (reply("answered", "one"), True, False, False),
        (reply("partial", "three"), False, True, False),
        (reply("abstained"), False, False, False),
    ],
)
def test_a_reply_is_right_by_status_and_by_what_it_quotes(given: Reply, status: bool, gold: bool, short: bool):
    scores = [take(CASE, given, {}).value for take in (status_right, gold_quoted, exact_match, right)]
    assert scores == [status, gold, short, status and gold]


def test_a_quote_that_is_not_at_its_place_is_found():
    assert list(misplaced(reply("answered", "one"), {"a": "one"})) == []
    assert list(misplaced(reply("answered", "one"), {"a": "two"})) == ["[1] a 0:3"]


def test_a_case_of_another_form_is_named_with_file_and_field(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "bad.yaml").write_text("- {id: x, kind: fact, question: '?', status: [sure]}\n", encoding="utf-8")
    monkeypatch.setattr(cases, "FOLDER", tmp_path)
    with pytest.raises(CasesError, match=r"bad\.yaml, case 1: status"):
        read_cases("bad")
