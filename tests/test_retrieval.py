import math
import random
from collections import Counter
from datetime import date

import numpy as np
import pytest
from fake_embedder import WORDS, FakeEmbedder, write_articles
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from assistant.documents import Document
from assistant.embedding import Vectors
from assistant.filters import Filters
from assistant.index import Index, build_index
from assistant.retrieval import Hit, fuse, retrieve
from assistant.settings import Settings
from assistant.terms import stems

SETTINGS = Settings(passage_tokens=40, overlap_tokens=10)
ARTICLES = [
    Document(
        id=article.id,
        title=article.title,
        text=article.text,
        author="Ada Writer" if number % 3 else None,
        published=date(2024, 1, 1 + number % 28) if number % 2 else None,
        source=f"paper-{number % 4}",
    )
    for number, article in enumerate(write_articles(40))
]
QUESTION = "army talks in Dakar"


@pytest.fixture(scope="module")
def index() -> Index:
    return build_index(ARTICLES, FakeEmbedder(), SETTINGS)


def find(
    index: Index,
    text: str = QUESTION,
    *,
    filters: Filters | None = None,
    words: list[str] | None = None,
    **settings: float,
) -> list[Hit]:
    chosen = SETTINGS.model_copy(update=settings)
    return retrieve(index, text, FakeEmbedder().embed_query(text), chosen, filters=filters, words=words)


# ---- fusion


numbers = st.floats(min_value=-100, max_value=100, width=32)
pairs = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=30)
weights = st.floats(min_value=0, max_value=1)


def fused(scores: list[tuple[float, float]], weight: float) -> Vectors:
    dense, lexical = np.asarray(scores, dtype=np.float32).T
    return fuse(dense, lexical, weight)


@given(pairs, weights)
def test_fused_scores_lie_between_0_and_1(scores: list[tuple[float, float]], weight: float) -> None:
    found = fused(scores, weight)
    assert len(found) == len(scores)
    assert np.all((found >= 0) & (found <= 1))


@given(pairs, weights, st.randoms(use_true_random=False))
def test_fusion_does_not_depend_on_order(scores: list[tuple[float, float]], weight: float, dice: random.Random) -> None:
    order = list(range(len(scores)))
    dice.shuffle(order)
    assert np.array_equal(fused([scores[place] for place in order], weight), fused(scores, weight)[order])


@given(pairs, weights)
def test_a_passage_that_is_better_on_both_sides_is_not_fused_below(
    scores: list[tuple[float, float]], weight: float
) -> None:
    found = fused(scores, weight)
    for (dense, lexical), score in zip(scores, found, strict=True):
        below = [other for (d, w), other in zip(scores, found, strict=True) if d <= dense and w <= lexical]
        assert score >= max(below)


@given(pairs, weights, st.floats(min_value=0.5, max_value=8), numbers)
def test_fusion_does_not_depend_on_where_scores_begin_or_on_a_scale_that_both_share(
    scores: list[tuple[float, float]], weight: float, factor: float, shift: float
) -> None:
    dense, lexical = np.asarray(scores, dtype=np.float64).T
    if np.ptp(weight * dense + (1 - weight) * lexical) > 1e-3:
        found = fuse(dense * factor + shift, lexical * factor, weight)
        assert np.allclose(found, fuse(dense, lexical, weight), atol=1e-6)


def test_a_side_whose_scores_are_all_equal_adds_nothing() -> None:
    assert fuse(np.asarray([0.3, 0.3]), np.asarray([0.0, 7.0]), 0.25).tolist() == [0, 1]
    assert fuse(np.asarray([0.3]), np.asarray([7.0]), 0.5).tolist() == [0]


def test_no_scores_are_fused_into_none() -> None:
    assert len(fuse(np.zeros(0), np.zeros(0), 0.5)) == 0


# ---- hits


def test_hits_come_best_first_with_ranks_from_1_and_the_scores_of_both_sides(index: Index) -> None:
    hits = find(index)
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    vector = FakeEmbedder().embed_query(QUESTION)
    dense = index.dense.search(vector, SETTINGS.candidates)
    lexical = index.lexical_scores(stems(QUESTION))
    by_words = np.argsort(-lexical, kind="stable")[: SETTINGS.candidates].tolist()
    for hit in hits:
        assert index.passage(hit.row) == hit.passage
        assert hit.lexical == pytest.approx(lexical[hit.row])
        assert hit.lexical_rank == (by_words.index(hit.row) + 1 if hit.row in by_words and hit.lexical else None)
        if hit.dense_rank is None:
            assert hit.dense == 0 and hit.row not in dense.rows
        else:
            assert dense.rows[hit.dense_rank - 1] == hit.row
            assert hit.dense == pytest.approx(dense.scores[hit.dense_rank - 1])
        assert not hit.cited


@pytest.mark.parametrize("most", [1, 5, 100])
def test_there_are_at_most_as_many_hits_as_asked_for(index: Index, most: int) -> None:
    assert 0 < len(find(index, hits=most)) <= most
    assert len(find(index, hits=5)) == 5


@pytest.mark.parametrize("most", [1, 3, 20])
def test_each_side_proposes_only_so_many_passages(index: Index, most: int) -> None:
    hits = find(index, candidates=most, hits=1)
    assert len(hits) == 1
    hits = find(index, candidates=max(most, 20), hits=20)
    assert all((hit.dense_rank or 0) <= 20 and (hit.lexical_rank or 0) <= 20 for hit in hits)
    assert all(hit.dense_rank or hit.lexical_rank for hit in hits)


def meanings(index: Index, hits: list[Hit]) -> list[float]:
    """Cosines of passage and nearest sentence, half and half."""
    vector = FakeEmbedder().embed_query(QUESTION)
    return [0.5 * hit.dense + 0.5 * float((index.sentence_vectors(hit.row) @ vector).max()) for hit in hits]


def test_a_weight_of_1_ranks_by_meaning_alone(index: Index) -> None:
    hits = find(index, dense_weight=1, hits=20)
    assert meanings(index, hits) == sorted(meanings(index, hits), reverse=True)
    assert all(hit.dense_rank for hit in hits)


def test_a_passage_is_found_by_one_sentence_of_it_that_says_what_is_asked(index: Index) -> None:
    hits = find(index, dense_weight=1, hits=20)
    by_passage = sorted(hits, key=lambda hit: -hit.dense)
    assert [hit.row for hit in by_passage] != [hit.row for hit in hits]


def test_a_weight_of_0_ranks_by_words_alone(index: Index) -> None:
    hits = find(index, dense_weight=0, hits=20)
    assert [hit.lexical for hit in hits] == sorted((hit.lexical for hit in hits), reverse=True)
    assert all(hit.lexical_rank for hit in hits)
    assert hits[0].lexical_rank == 1


def test_a_question_without_words_is_searched_by_meaning_alone(index: Index) -> None:
    for hits in (find(index, words=[]), find(index, "what is it?")):
        assert hits and all(hit.lexical == 0 and hit.lexical_rank is None for hit in hits)
        assert all(hit.dense_rank for hit in hits)


def test_words_given_are_searched_in_place_of_the_texts_own(index: Index) -> None:
    other = index.lexical_scores(["railway"])
    assert all(hit.lexical == pytest.approx(other[hit.row]) for hit in find(index, words=["railway"]))


def test_passages_that_overlap_a_better_one_do_not_fill_the_list() -> None:
    sentences = [f"The army of region {number} held talks on the border today." for number in range(60)]
    chosen = Settings(passage_tokens=60, overlap_tokens=45)
    index = build_index([Document(id="a", title="Army", text=" ".join(sentences))], FakeEmbedder(), chosen)
    hits = retrieve(index, QUESTION, FakeEmbedder().embed_query(QUESTION), chosen.model_copy(update={"hits": 100}))
    assert 1 < len(hits) < len(index)
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    for number, hit in enumerate(hits):
        for better in hits[:number]:
            shared = min(hit.passage.end, better.passage.end) - max(hit.passage.start, better.passage.start)
            assert shared <= 0.5 * min(len(hit.passage.text), len(better.passage.text))


def test_passages_of_equal_text_in_two_articles_are_both_found() -> None:
    twins = [Document(id=name, text="The army held talks.") for name in "ab"]
    index = build_index(twins, FakeEmbedder(), SETTINGS)
    assert [hit.passage.document_id for hit in find(index)] == ["a", "b"]


@pytest.mark.parametrize(
    "filters",
    [
        Filters(since=date(2024, 1, 10)),
        Filters(until=date(2024, 1, 10)),
        Filters(author="ada"),
        Filters(source="paper-2"),
        Filters(documents=frozenset({"article-3", "article-5"})),
        Filters(author="ada", source="paper-1", since=date(2024, 1, 2)),
    ],
    ids=str,
)
def test_only_articles_that_pass_the_filters_are_found(index: Index, filters: Filters) -> None:
    hits = find(index, filters=filters, hits=100)
    accepted = {article.id for article in ARTICLES if filters.accept(article)}
    assert {hit.passage.document_id for hit in hits} <= accepted < {article.id for article in ARTICLES}
    assert hits
    # No better passage was crowded out by one that does not pass.
    everything = find(index, filters=filters, hits=100, candidates=2000)
    assert everything[0].row == hits[0].row


def test_filters_that_nothing_passes_find_nothing(index: Index) -> None:
    assert find(index, filters=Filters(author="Nobody")) == []


def test_filters_without_a_limit_change_nothing(index: Index) -> None:
    assert find(index, filters=Filters()) == find(index)


def test_an_empty_index_has_no_hits() -> None:
    assert find(build_index([], FakeEmbedder(), SETTINGS)) == []


def test_the_same_question_has_the_same_hits_each_time(index: Index) -> None:
    again = build_index(ARTICLES, FakeEmbedder(), SETTINGS)
    assert find(index) == find(index) == find(again)


def test_passages_of_equal_scores_are_proposed_in_the_order_of_the_articles() -> None:
    twins = [Document(id=f"{number:02}", text="The army held talks.") for number in range(30)]
    index = build_index(twins, FakeEmbedder(), SETTINGS)
    hits = find(index, candidates=5, hits=5)
    assert [(hit.row, hit.lexical_rank, hit.dense_rank) for hit in hits] == [(n, n + 1, n + 1) for n in range(5)]


# ---- BM25


def lucene(query: list[str], texts: list[list[str]], k1: float = 1.2, b: float = 0.75) -> list[float]:
    """BM25 as Lucene counts it (Kamphuis et al. 2020, "Which BM25 Do You Mean?"), without its factor k1 + 1."""
    mean = sum(len(text) for text in texts) / len(texts)
    holding = Counter(word for text in texts for word in set(text))
    scores = []
    for text in texts:
        score = 0.0
        for word in query:
            frequency = text.count(word)
            if frequency:
                rarity = math.log(1 + (len(texts) - holding[word] + 0.5) / (holding[word] + 0.5))
                score += rarity * frequency / (frequency + k1 * (1 - b + b * len(text) / mean))
        scores.append(score)
    return scores


@hypothesis_settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(WORDS), max_size=12), min_size=1, max_size=12),
    st.lists(st.sampled_from([*WORDS, "unheard"]), max_size=6),
)
def test_lexical_scores_agree_with_a_second_implementation(texts: list[list[str]], query: list[str]) -> None:
    documents = [Document(id=str(number), text=f"{' '.join(text)}.") for number, text in enumerate(texts)]
    index = build_index(documents, FakeEmbedder(), Settings(passage_tokens=2000, overlap_tokens=0))
    assert len(index) == len(texts)
    words = [stems(" ".join(text)) for text in texts]
    wanted = stems(" ".join(query))
    expected = lucene(wanted, words) if any(words) else [0.0] * len(texts)
    assert index.lexical_scores(wanted).tolist() == pytest.approx(expected, rel=1e-5)


def test_the_title_of_an_article_counts_among_the_words_of_its_passages() -> None:
    documents = [Document(id="a", title="Harvest", text="It was good."), Document(id="b", text="It was bad.")]
    index = build_index(documents, FakeEmbedder(), SETTINGS)
    assert index.lexical_scores(["harvest"]).tolist() == [pytest.approx(lucene(["h"], [["h", "good"], ["bad"]])[0]), 0]
