import itertools
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.corpus import read_corpus
from assistant.documents import (
    Document,
    author_span,
    content_hash,
    content_spans,
    describe,
    gather,
    published_span,
)
from assistant.errors import CorpusError, DuplicateIdError

SEEDS = Path(__file__).parent.parent / "seeds"
PROSE = "The minister of trade arrived in the port on Thursday and met the heads of four unions, officials said. " * 2
TALK = PROSE + "\n\nTalks go on."


def article(text: str) -> Document:
    return describe(Document(id="a", text=text))


def content(text: str) -> list[str]:
    return [text[span.start : span.end] for span in content_spans(Document(id="a", text=text))]


# ---- records


@pytest.mark.parametrize(
    "published",
    [date(2024, 3, 3), datetime(2024, 3, 3, 23, 59, tzinfo=UTC), "2024-03-03", "2024-03-03T10:00:00Z"],
)
def test_published_becomes_a_date(published: object) -> None:
    assert Document(id="a", text="t", published=published).published == date(2024, 3, 3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"id": ""}, "expected a name"),
        ({"id": " "}, "expected a name"),
        ({"id": 7}, r"the id 7 \(int\), expected a str"),
        ({"text": None}, "expected a str"),
        ({"text": b"bytes"}, "expected a str"),
        ({"title": 3}, "expected a str"),
        ({"author": 3}, "expected a str"),
        ({"text": "half \ud800"}, "lone surrogate"),
        ({"published": "yesterday"}, "ISO 8601"),
        ({"published": 20240303}, "ISO 8601"),
    ],
)
def test_a_field_that_cannot_be_used_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        Document(**{"id": "a", "text": "t"} | fields)  # type: ignore[arg-type]


def test_the_hash_changes_with_text_and_metadata_and_with_nothing_else() -> None:
    document = Document(id="a", text="t", title="T", published=date(2024, 3, 3))
    assert content_hash(document) == content_hash(replace(document, id="b"))
    others = [
        replace(document, text="u"),
        replace(document, title="U"),
        replace(document, author="U"),
        replace(document, published=None),
        replace(document, source="U"),
        replace(document, aliases=("c",)),
    ]
    assert len({content_hash(other) for other in [document, *others]}) == 7


def test_the_hash_is_the_same_on_every_machine() -> None:
    assert content_hash(Document(id="a", text="é")) == (
        "628e81fd9f5201a36bfe3a4f4f0bdc2020abd289ab539c9e868ecc26c74a0fbf"
    )


# ---- headers


def test_the_seed_names_its_author_alone_on_its_first_line() -> None:
    (document, *_) = read_corpus(SEEDS).documents
    assert document.author == "Faith Nyasuguta"
    assert document.title.startswith("Burkina Faso and Senegal") and document.title.endswith("…")
    span = author_span(document)
    assert span and document.text[span.start : span.end] == "Faith Nyasuguta"
    (body,) = content_spans(document)
    assert document.text[body.start :].startswith("Burkina Faso and Senegal have unveiled")
    assert document.text[: body.end].endswith("peace and security.")


@pytest.mark.parametrize(
    ("line", "author"),
    [
        ("By Jane Doe", "Jane Doe"),
        ("BY JANE DOE", "JANE DOE"),
        ("by Jane Doe", "Jane Doe"),
        ("By: Jane Doe", "Jane Doe"),
        ("By Jane Doe and Aïcha N’Diaye", "Jane Doe and Aïcha N’Diaye"),
        ("By Jane Doe, Reuters", "Jane Doe"),
        ("By Jane Doe | The Daily Post", "Jane Doe"),
        ("By Jane Doe, March 3, 2024", "Jane Doe"),
        ("Par Jean-Luc de la Croix", "Jean-Luc de la Croix"),
        ("Jane Doe, Reuters", "Jane Doe"),
        ("Jane Doe, jdoe@example.org", "Jane Doe"),
        ("Author: Jane Doe", "Jane Doe"),
        ("J. K. O'Brien", "J. K. O'Brien"),
        ("Fatou Ba, Kim Roe and Lee Poe", "Fatou Ba, Kim Roe and Lee Poe"),
    ],
)
def test_a_byline_names_the_author(line: str, author: str) -> None:
    for text in (f"{line}\n\n{TALK}", f"Port talks go on\n\n{line}\n\n{TALK}"):
        document = article(text)
        assert document.author == author
        span = author_span(document)
        assert span and text[span.start : span.end] == author
        assert content(text) == [TALK.strip()]


@pytest.mark.parametrize(
    "text",
    [
        f"Climate change\n\n{PROSE} The climate is changing.",
        "Ousmane Sonko\n\n" + PROSE + "Later Ousmane Sonko left.",
        "Ousmane Sonko\n\n" + PROSE + "Later Sonko’s car left.",
        f"Breaking News\n\n{PROSE}",
        f"Alliance Of States Grows\n\n{PROSE}",
        f"Morning briefing\n{PROSE}",
        f"By Thursday the port was closed\n\n{PROSE}",
        f"{PROSE}\n\nJane Doe",
        f"{PROSE}\nBy then Jane Doe had left.",
    ],
)
def test_what_is_no_byline_names_no_author(text: str) -> None:
    assert article(text).author is None
    assert author_span(Document(id="a", text=text)) is None


@pytest.mark.parametrize(
    ("line", "day"),
    [
        ("2024-03-03", date(2024, 3, 3)),
        ("3 March 2024", date(2024, 3, 3)),
        ("March 3, 2024", date(2024, 3, 3)),
        ("MARCH 3RD, 2024", date(2024, 3, 3)),
        ("Sunday, 3 Mar. 2024 10:24 GMT", date(2024, 3, 3)),
        ("Published: March 3, 2024 at 10:24 PM EST", date(2024, 3, 3)),
        ("Published 2024-03-03T10:24:00Z", date(2024, 3, 3)),
        ("Date: 3 March 2024", date(2024, 3, 3)),
        ("Publié le 1er août 2023 à 10h24", date(2023, 8, 1)),
        ("dimanche 3 février 2019", date(2019, 2, 3)),
    ],
)
def test_a_date_line_gives_the_day_of_publication(line: str, day: date) -> None:
    text = f"Port talks go on\n\n{line}\n\n{TALK}"
    document = article(text)
    assert document.published == day
    span = published_span(document)
    assert span and text[span.start : span.end] in line
    assert content(text) == [TALK.strip()]


@pytest.mark.parametrize(
    "text",
    [
        "On 3 March 2024 the minister arrived in the port and met the heads of the four unions.",
        f"Port talks go on\n\nThey began on March 3, 2024\n\n{PROSE}",
        f"Port talks go on\n\n31 February 2024\n\n{PROSE}",
        f"{PROSE}\n\n3 March 2024\n\n{PROSE}",
    ],
)
def test_a_date_in_prose_is_no_day_of_publication(text: str) -> None:
    assert article(text).published is None


def test_a_bare_name_and_agency_in_front_are_author_and_source() -> None:
    document = article(f"Karen Gilroy\n\nCNBC\n\n{PROSE}")
    assert (document.author, document.source) == ("Karen Gilroy", "CNBC")
    assert content(document.text) == [PROSE.strip()]


@pytest.mark.parametrize("line", ["Reuters", "CNN —", "(AFP)", "The Associated Press", "London CNN —", "BBC News"])
def test_an_agency_alone_on_a_line_is_the_source(line: str) -> None:
    text = f"{line}\n\n{PROSE}"
    assert article(text).source
    assert article(text).author is None
    assert content(text) == [PROSE.strip()]


def test_front_matter_is_read_and_is_not_content() -> None:
    text = (
        "---\ntitle: 'Port: talks go on'\nauthors: [Jane Doe, Kim Roe]\ndate: 2024-03-03\n"
        f"source: The Daily Post\ntags:\n  - trade\n---\n\n{PROSE}"
    )
    document = article(text)
    assert (document.title, document.author) == ("Port: talks go on", "Jane Doe and Kim Roe")
    assert (document.published, document.source) == (date(2024, 3, 3), "The Daily Post")
    assert content(text) == [PROSE.strip()]


@pytest.mark.parametrize("broken", ["title: 'Port talks\nauthor: Jane Doe", "title: a: b\nauthor: Jane Doe"])
def test_broken_front_matter_is_read_line_by_line(broken: str) -> None:
    assert article(f"---\n{broken}\n---\n{PROSE}").author == "Jane Doe"


def test_a_rule_at_the_top_is_no_front_matter() -> None:
    text = f"---\n{PROSE}\n---\n{PROSE}"
    assert content(text) == [text.strip()]


def test_field_lines_are_read_and_are_not_content() -> None:
    text = f"Title: Port talks go on\nBy: Jane Doe\nDate: 3 March 2024\nURL: https://example.org/a\n\n{PROSE}"
    document = article(text)
    assert (document.title, document.author) == ("Port talks go on", "Jane Doe")
    assert (document.published, document.source) == (date(2024, 3, 3), "https://example.org/a")
    assert content(text) == [PROSE.strip()]


def test_given_metadata_wins() -> None:
    given_ = Document(
        id="a",
        text=f"Port talks go on\n\nBy Jane Doe\n\n3 March 2024\n\nReuters\n\n{PROSE}",
        title="T",
        author="A",
        published=date(2020, 1, 1),
        source="S",
    )
    assert describe(given_) == given_


def test_a_headline_that_is_not_the_given_title_stays_content() -> None:
    document = Document(id="a", text=f"Port talks go on\n\n{PROSE}", title="Another title")
    assert content_spans(document)[0].start == 0


@pytest.mark.parametrize(
    ("text", "title"),
    [
        (f"Port talks go on\n\n{PROSE}", "Port talks go on"),
        (f"Port talks go on\n{PROSE}", "Port talks go on"),
        (f"# Port talks go on\n\n{PROSE}", "Port talks go on"),
        (f"Climate change\n\n{PROSE}", "Climate change"),
        (f"Will the port open?\n\n{PROSE}", "Will the port open?"),
    ],
)
def test_a_headline_is_the_title_and_not_content(text: str, title: str) -> None:
    assert article(text).title == title
    assert content(text) == [PROSE.strip()]


@pytest.mark.parametrize(
    "text",
    [
        PROSE,
        f"The port is closed.\n\n{PROSE}",
        f"* A bullet of a list\n\n{PROSE}",
        f"Alabama\n\n{PROSE}",
        "The minister of trade arrived in the port on Thursday for talks\n"
        "on tariffs and the fees of the harbour, which the four unions of\nthe coast want to see cut.",
    ],
)
def test_without_a_headline_the_opening_words_are_the_title_and_stay_content(text: str) -> None:
    title = article(text).title
    assert text.lstrip("* ").startswith(title.removesuffix("…").removeprefix("* "))
    assert len(title) <= 80
    assert content(text) == [text.strip()]


def test_other_headings_stay_content() -> None:
    text = f"# Port talks go on\n\n{PROSE}\n\n## The unions\n\n{PROSE}"
    assert "## The unions" in content(text)[0]


@pytest.mark.parametrize(
    "tail",
    [
        "RELATED:",
        "READ ALSO:\nPort closes for a week\nUnions call a strike",
        "READ MORE\n\n- Port closes",
        "See also: Port closes for a week",
        "## Related articles\n\nPort closes",
        "MORE FROM TRADE\nPort closes",
        "À LIRE AUSSI :\nLe port ferme",
    ],
)
def test_links_at_the_end_are_not_content(tail: str) -> None:
    assert content(f"{PROSE}\n\n{tail}\n") == [PROSE.strip()]


@pytest.mark.parametrize(
    "tail", [f"RELATED:\n\n{PROSE}", "Related workers joined the strike.", "See also the port, he said.", "Relatedly"]
)
def test_prose_behind_a_heading_of_links_stays_content(tail: str) -> None:
    assert content(f"{PROSE}\n\n{tail}") == [f"{PROSE}\n\n{tail}".strip()]


def test_a_text_of_header_lines_only_is_all_content() -> None:
    assert content(" By Jane Doe\nReuters\nRELATED:\n") == ["By Jane Doe\nReuters\nRELATED:"]


lines_ = st.sampled_from(
    [
        "---",
        "title: x",
        "By Jane Doe",
        "Reuters",
        "3 March 2024",
        "RELATED:",
        "# Head",
        "Port talks go on",
        "",
        PROSE,
        "x.",
    ]
)


@given(st.one_of(st.lists(lines_, max_size=9).map("\n".join), st.text(max_size=80)))
def test_content_is_apart_trimmed_never_nothing_and_not_changed_by_describing(text: str) -> None:
    document = Document(id="a", text=text)
    spans = content_spans(document)
    assert bool(spans) == bool(text.strip())
    for span in spans:
        assert text[span.start : span.end] == text[span.start : span.end].strip() != ""
    assert all(left.end <= right.start for left, right in itertools.pairwise(spans))
    described = describe(document)
    assert described.text == text
    assert describe(described) == described
    assert content_spans(described) == spans
    assert bool(described.title) == bool(text.strip())


# ---- documents together


def test_the_same_id_twice_is_refused_even_with_equal_text() -> None:
    with pytest.raises(DuplicateIdError, match="'a'"):
        gather([Document(id="a", text="t"), Document(id="a", text="t")])


def test_identical_texts_are_one_document_with_aliases() -> None:
    gathered = gather([Document(id=id, text="t") for id in "bac"] + [Document(id="d", text="u")])
    assert [(document.id, document.aliases) for document in gathered] == [("b", ("a", "c")), ("d", ())]
    assert gather(gathered) == gathered
