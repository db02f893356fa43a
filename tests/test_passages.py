import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.corpus import read_corpus
from assistant.documents import Document, content_spans, describe
from assistant.passages import cut_title, embedding_text, split_passages

SEEDS = Path(__file__).parent.parent / "seeds"


def count_tokens(texts: list[str]) -> list[int]:
    return [len(re.findall(r"\w{1,4}|[^\w\s]", text)) for text in texts]


def test_the_seed_is_cut_into_passages_that_fit_and_slice_back() -> None:
    (document, *_) = read_corpus(SEEDS).documents
    passages = split_passages(document, count_tokens=count_tokens)
    assert len(passages) > 1
    for passage in passages:
        assert document.text[passage.start : passage.end] == passage.text
        assert count_tokens([embedding_text(document.title, passage.text)])[0] <= 180
    assert not any("RELATED" in passage.text or "Nyasuguta" in passage.text for passage in passages)


words = st.sampled_from(
    ["pact", "Sahel", "state.", "army,", "U.S.", "talks!", "\n", "\n\n", "Dakar.", "é😀.", "«", "»"]
)


@settings(deadline=None)
@given(
    st.lists(words, max_size=150).map(" ".join),
    st.text(alphabet="ab c", max_size=60),
    st.integers(min_value=10, max_value=90),
    st.integers(min_value=0, max_value=40),
)
def test_passages_cover_the_content_within_the_budget(text: str, title: str, most: int, overlap: int) -> None:
    document = Document(id="a", text=text, title=title)
    passages = split_passages(document, count_tokens=count_tokens, max_tokens=most, overlap_tokens=overlap)
    spans = content_spans(document)
    seen: set[int] = set()
    for passage in passages:
        assert document.text[passage.start : passage.end] == passage.text
        assert (passage.start, passage.end) == (passage.sentences[0].start, passage.sentences[-1].end)
        assert count_tokens([embedding_text(title, passage.text, max_tokens=most)])[0] <= most
        assert any(span.start <= passage.start and passage.end <= span.end for span in spans)
        new = {sentence.start for sentence in passage.sentences} - seen
        assert new, "a passage adds no new sentence"
        repeated = [text[s.start : s.end] for s in passage.sentences if s.start in seen]
        assert sum(count_tokens(repeated)) <= overlap
        seen |= new
    pieces = sorted({span for passage in passages for span in passage.sentences})
    covered = "".join("".join(text[a:b].split()) for a, b in pieces)
    assert covered == "".join("".join(text[a:b].split()) for a, b in spans)


def test_tokens_are_counted_once_for_a_document_whose_sentences_fit() -> None:
    calls: list[int] = []

    def counting(texts: list[str]) -> list[int]:
        calls.append(len(texts))
        return count_tokens(texts)

    split_passages(Document(id="a", text="One came. Two left.\n" * 40, title="T"), count_tokens=counting)
    assert calls == [81]


def test_a_sentence_over_the_budget_is_cut_into_sentences_that_fit() -> None:
    text = " ".join(["abcd"] * 70) + "."
    passages = split_passages(Document(id="a", text=text), count_tokens=count_tokens, max_tokens=30, overlap_tokens=0)
    assert all(count_tokens([passage.text])[0] <= 30 for passage in passages)
    assert " ".join(passage.text for passage in passages) == text


def test_a_passage_ends_with_a_paragraph_where_most_of_its_budget_is_used() -> None:
    paragraph = "The man came. The dog left. The rain fell.\n"
    passages = split_passages(
        Document(id="a", text=paragraph * 3), count_tokens=count_tokens, max_tokens=18, overlap_tokens=0
    )
    assert [passage.text for passage in passages] == [paragraph.strip()] * 3


def test_neighbours_share_whole_sentences() -> None:
    text = " ".join(f"Man {number} came." for number in range(20))
    first, second, *_ = split_passages(
        Document(id="a", text=text), count_tokens=count_tokens, max_tokens=20, overlap_tokens=8
    )
    assert first.sentences[-2:] == second.sentences[:2]


def test_a_passage_crosses_no_gap_of_excluded_content() -> None:
    text = "The market fell again.\n\nBy Ann Roe\n\n" + "Shares lost ground in early trading on Monday. " * 5
    document = describe(Document(id="a", text=text))
    assert document.author == "Ann Roe"
    passages = split_passages(document, count_tokens=count_tokens)
    assert [passage.text[:10] for passage in passages] == ["The market", "Shares los"]


def test_a_title_takes_at_most_a_third_of_the_budget() -> None:
    title = "Parliament votes " * 100
    assert cut_title(title, max_tokens=30) == "Parliament votes"
    assert embedding_text(title, "Text.", max_tokens=30) == "Parliament votes\nText."
    assert count_tokens([cut_title(title)])[0] <= 60


def test_a_headline_of_usual_length_is_embedded_whole() -> None:
    title = "Burkina Faso and Senegal unveil a new alliance against terrorism and cross-border crime"
    assert embedding_text(title, "Text.") == f"{title}\nText."


def test_a_text_without_title_is_embedded_alone() -> None:
    assert embedding_text(" ", "Text.") == "Text."


def test_an_empty_document_has_no_passages() -> None:
    assert split_passages(Document(id="a", text=" \n"), count_tokens=count_tokens) == []


@pytest.mark.parametrize(("most", "overlap"), [(0, 0), (10, -1)])
def test_a_budget_that_cannot_be_is_refused(most: int, overlap: int) -> None:
    with pytest.raises(ValueError, match="expected at least 1 and 0"):
        split_passages(Document(id="a", text="x"), count_tokens=count_tokens, max_tokens=most, overlap_tokens=overlap)
