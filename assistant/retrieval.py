"""Retrieval: the passages that bear on a question, by meaning and by words.

Dense and lexical scores are measured in their standard deviations over the corpus for this
question, and their weighted mean ranks the candidates of both (Bruch et al. 2023, arXiv
2210.11934, find such a convex combination better than reciprocal-rank fusion).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assistant.copies import mostly_alike
from assistant.embedding import Vectors
from assistant.filters import Filters
from assistant.index import Index, highest
from assistant.passages import Passage
from assistant.settings import Settings
from assistant.terms import stems


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A retrieved passage with its scores and ranks."""

    passage: Passage
    """The passage itself."""
    score: float
    """Fused score, 0..1; comparable within one question only."""
    dense: float
    """Cosine similarity of question and passage; 0 where dense search did not propose it."""
    lexical: float
    """BM25 score of the passage for the question."""
    rank: int
    """Place in the fused list, from 1."""
    dense_rank: int | None = None
    """Place by dense search, from 1; None where it did not propose the passage."""
    lexical_rank: int | None = None
    """Place by BM25, from 1; None where it did not propose the passage."""
    cited: bool = False
    """Whether the reply cites words of this passage."""
    row: int = -1
    """Row of the passage in the index."""


def retrieve(
    index: Index,
    text: str,
    vector: Vectors,
    settings: Settings,
    *,
    filters: Filters | None = None,
    words: list[str] | None = None,
) -> list[Hit]:
    """The `settings.hits` best passages for a question given as text and unit vector, best first.

    `words` are the stems searched for lexically where they differ from the text's own.
    A passage of which more than half overlaps a better one of the same article is left out, and so
    is one that another article copied from it.
    """
    allowed = index.mask(filters.accept) if filters and filters != Filters() else None
    candidates = max(settings.candidates, settings.hits)
    nearest = index.dense.search(vector, candidates, allowed)
    lexical = index.lexical_scores(stems(text) if words is None else words)
    deviation = float(lexical.std()) if len(lexical) else 0.0
    if allowed is not None:
        lexical = np.where(allowed, lexical, 0)
    by_words = _top(lexical, candidates)
    dense_rank = {int(row): rank for rank, row in enumerate(nearest.rows, 1)}
    lexical_rank = {int(row): rank for rank, row in enumerate(by_words, 1)}
    cosine = {int(row): float(score) for row, score in zip(nearest.rows, nearest.scores, strict=True)}
    rows = np.asarray(sorted({*dense_rank, *lexical_rank}), dtype=np.int64)
    if not len(rows):
        return []
    floor = min(cosine.values(), default=0.0)
    dense_scores = np.asarray([_meaning(index, int(row), vector, cosine.get(int(row), floor)) for row in rows])
    fused = fuse(
        dense_scores / (index.dense_spread(vector) or 1), lexical[rows] / (deviation or 1), settings.dense_weight
    )
    order = np.argsort(-fused, kind="stable")
    hits: list[Hit] = []
    for place in order:
        row = int(rows[place])
        passage = index.passage(row)
        if any(_mostly_within(passage, hit.passage) or _is_copy(index, row, passage, hit) for hit in hits):
            continue
        hits.append(
            Hit(
                passage=passage,
                score=float(fused[place]),
                dense=cosine.get(row, 0.0),
                lexical=float(lexical[row]),
                rank=len(hits) + 1,
                dense_rank=dense_rank.get(row),
                lexical_rank=lexical_rank.get(row),
                row=row,
            )
        )
        if len(hits) == settings.hits:
            break
    return hits


def fuse(dense: NDArray[np.floating], lexical: NDArray[np.floating], dense_weight: float) -> NDArray[np.float64]:
    """Weighted mean of scores in standard deviations, stretched to 0..1; all 0 where they are equal."""
    return _normalise(dense_weight * dense + (1 - dense_weight) * lexical)


def _meaning(index: Index, row: int, vector: Vectors, cosine: float) -> float:
    """Cosine of the passage and of its nearest sentence, half and half: a long passage blurs what one sentence says."""
    sentences = index.sentence_vectors(row)
    return 0.5 * cosine + 0.5 * float((sentences @ vector).max()) if len(sentences) else cosine


def _normalise(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    low, high = float(scores.min(initial=np.inf)), float(scores.max(initial=-np.inf))
    return (scores.astype(np.float64) - low) / (high - low) if high > low else np.zeros(len(scores))


def _top(scores: Vectors, k: int) -> NDArray[np.int64]:
    positive = np.flatnonzero(scores > 0)
    return positive[highest(scores[positive], k)]


def _is_copy(index: Index, row: int, passage: Passage, hit: Hit) -> bool:
    """Whether another article, nearly the same as the hit's, says there what the hit says already."""
    return index.are_copies(row, hit.row) and mostly_alike(passage.text, hit.passage.text)


def _mostly_within(passage: Passage, other: Passage) -> bool:
    if passage.document_id != other.document_id:
        return False
    shared = min(passage.end, other.end) - max(passage.start, other.start)
    return shared > 0.5 * min(passage.end - passage.start, other.end - other.start)
