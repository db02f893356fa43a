import itertools
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assistant.sentences import SPLITTER_VERSION, Span, cut_span, split_sentences

SEEDS = sorted((Path(__file__).parent.parent / "seeds").glob("*.txt"))

MARKS = list("ab. .!?\n\r\t\u00a0\u2028\x85\x0b\x0c\u0301\U0001f600\u200d“”«»\"'()[]1A*-\ufeff。#;,—…’US")
texts = st.one_of(st.text(max_size=200), st.text(alphabet=MARKS, max_size=120))


def sentences(text: str, **options: int) -> list[str]:
    return [text[span.start : span.end] for span in split_sentences(text, **options)]


@given(texts, st.sampled_from([1, 2, 7, 40, 400]))
@example("A\u00a0.", 400)
@example("A\u2028. B\x85.", 400)
@example("half a character \ud800. And more.", 400)
def test_spans_are_trimmed_apart_in_order_short_and_cover_every_character(text: str, max_chars: int) -> None:
    spans = split_sentences(text, max_chars=max_chars)
    for span in spans:
        piece = text[span.start : span.end]
        assert piece and piece == piece.strip()
        assert len(piece) <= max_chars
    for left, right in itertools.pairwise(spans):
        assert left.end <= right.start
    covered = "".join("".join(text[span.start : span.end].split()) for span in spans)
    assert covered == "".join(text.split())


@pytest.mark.parametrize("path", SEEDS, ids=lambda path: path.stem)
def test_every_seed_is_covered_and_each_of_its_lines_ends_a_sentence(path: Path) -> None:
    text = path.read_bytes().decode("utf-8")
    spans = split_sentences(text)
    assert "".join("".join(text[a:b].split()) for a, b in spans) == "".join(text.split())
    ends = {span.end for span in spans}
    at = 0
    for line in text.split("\n"):
        assert not line.strip() or at + len(line.rstrip()) in ends
        at += len(line) + 1


@pytest.mark.parametrize(
    "whole",
    [
        "Dr. No is a film.",
        "J. K. Rowling met George W. Bush and Gen. Lee.",
        "Mr. and Mrs. Diallo met Sens. Ba and Sow at 9 a.m. Monday.",
        "He lives in the U.S. with his family.",
        "The U.S. Senate voted at 5 p.m. EST on Jan. 5.",
        "The clerk of St. Louis chose No. 5 vs. No. 6.",
        "It cost $4.5 million, or 3.2 percent of sales.",
        "Apple Inc. said so.",
        "“Go. Now. Please,” he said.",
        '"What? Why?" she asked.',
        "« Où va-t-il ? » dit-il.",
        "« Je pars. Je reviens ! » a dit le ministre.",
        "Wait... what?",
        "(They left. Nobody knows why.)",
        "1. First item.",
        "Visit www.Example.Com for more.",
    ],
)
def test_what_is_one_sentence_stays_whole(whole: str) -> None:
    assert sentences(whole) == [whole]


@pytest.mark.parametrize(
    "expected",
    [
        ["It rained.", "Nobody came."],
        ["He lives in the U.S.", "He is old."],
        ["He worked for Apple Inc.", "The company grew."],
        ["It opens at 5 a.m.", "The doors close late."],
        ["HEADS OF STRIKE FORCE .", "BUT EUROPE WAITS .", "FOR NOW ."],
        ["“We go.”", "“You stay.”", "They left."],
        ["Café 😀 is open!", "Yes, e\u0301tienne came."],
        ["« Où va-t-il ? » dit-il.", "Il part."],
        ["L'armée de l'Union a gagné.", "Mais l'issue reste incertaine."],
        ["The owners' group met.", "The players' union left."],
        ['He said "we will go.', "Then nobody left."],
        ["She bought 5.", "3 of them broke."],
        ["Vitamin C.", "The rest."],
    ],
)
def test_neighbouring_sentences_come_apart(expected: list[str]) -> None:
    assert sentences(" ".join(expected)) == expected


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r", "\u2028"])
def test_a_line_end_ends_a_sentence_that_has_no_full_stop(newline: str) -> None:
    assert sentences(f"Faith Doe{newline}The army moved north{newline}It rained.") == [
        "Faith Doe",
        "The army moved north",
        "It rained.",
    ]


def test_hard_wrapped_lines_are_one_sentence() -> None:
    wrapped = (
        "The prime minister arrived in the capital on Thursday for talks on\n"
        "security, trade and the fight against armed groups in the whole of\n"
        "West Africa and the Sahel. He was received by the president and by\n"
        "several ministers."
    )
    assert len(sentences(wrapped)) == 2


def test_two_lines_are_joined_where_the_second_goes_on_in_lower_case() -> None:
    text = "The prime minister arrived in the capital for talks on\nsecurity and trade."
    assert sentences(text) == [text]


def test_short_lines_in_lower_case_are_entries_of_a_list() -> None:
    assert sentences("apples\npears\nplums") == ["apples", "pears", "plums"]


def test_bullets_and_headings_start_sentences_of_their_own() -> None:
    text = "The list of all the demands made by the union\n* higher pay. more rest.\n- Safety\n## What next\nTalks."
    assert sentences(text) == [
        "The list of all the demands made by the union",
        "* higher pay.",
        "more rest.",
        "- Safety",
        "## What next",
        "Talks.",
    ]


def test_a_blank_line_ends_a_sentence() -> None:
    assert sentences("a long line that ends in the middle of\n \nthe sentence") == [
        "a long line that ends in the middle of",
        "the sentence",
    ]


def test_a_long_sentence_is_cut_at_its_clauses() -> None:
    clause = "the council said that it would wait for the results of the vote"
    text = f"{clause}; {clause}, {clause}."
    pieces = sentences(text, max_chars=150)
    assert pieces == [f"{clause};", f"{clause}, {clause}."]


def test_a_long_quotation_is_cut_between_its_sentences() -> None:
    text = "“" + " ".join(["We will not leave this town."] * 20) + "” he said."
    pieces = sentences(text)
    assert len(pieces) > 1
    assert all(piece.endswith(("town.", "said.")) for piece in pieces)


@given(st.lists(st.text(alphabet="abcé", min_size=1, max_size=12), min_size=1, max_size=60))
def test_a_cut_is_never_inside_a_word_that_fits(words: list[str]) -> None:
    text = " ".join(words)
    pieces = [text[a:b] for a, b in cut_span(text, Span(0, len(text)), 12)]
    assert " ".join(pieces).split() == words


def test_a_word_longer_than_a_quote_is_cut_before_no_combining_mark() -> None:
    text = "e\u0301" * 10
    assert all(not piece.startswith("\u0301") for piece in sentences(text, max_chars=5))


def test_a_text_without_words_has_no_sentences() -> None:
    assert split_sentences("") == split_sentences(" \n\t\u00a0") == []


def test_a_span_is_a_pair_of_offsets() -> None:
    assert split_sentences(" Yes. ") == [(1, 5)]
    assert SPLITTER_VERSION >= 1


def test_no_room_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="max_chars is 0"):
        split_sentences("Yes.", max_chars=0)
