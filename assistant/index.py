"""The index: passages with their vectors and postings, ready to be searched.

Dense vectors stand behind `DenseSearch`: exact in memory here, Chroma in `chroma.py`.  This file
knows nothing of the disk; how an index lies there is told in `generation.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from assistant.copies import group, sign
from assistant.documents import Document
from assistant.embedding import Embedder, Vectors
from assistant.parts import Part, Progress, embed_documents
from assistant.passages import Passage
from assistant.postings import Postings, make_postings
from assistant.sentences import Span
from assistant.settings import Settings
from assistant.terms import stems

Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearest:
    """Passages nearest to a vector, best first."""

    rows: Rows
    """Row numbers of the passages."""
    scores: Vectors
    """Cosine similarities, -1..1."""


class DenseSearch(Protocol):
    """Nearest passages by vector; every implementation gives the same answers (tested)."""

    def search(self, vector: Vectors, k: int, allowed: Mask | None = None) -> Nearest:
        """The k passages nearest to a unit vector among those `allowed`, or among all."""


class ExactDense:
    """Dense search by one matrix product in memory."""

    def __init__(self, vectors: Vectors) -> None:
        self._vectors = vectors

    def search(self, vector: Vectors, k: int, allowed: Mask | None = None) -> Nearest:
        rows = np.arange(len(self._vectors)) if allowed is None else np.flatnonzero(allowed)
        scores = (self._vectors if allowed is None else self._vectors[rows]) @ vector
        best = highest(scores, k)
        return Nearest(rows=rows[best], scores=scores[best])


def highest(scores: Vectors, k: int) -> Rows:
    """Positions of the k highest scores, highest first; ties in order of position."""
    if k <= 0:
        return np.zeros(0, dtype=np.int64)
    if k < len(scores):
        edge = np.partition(scores, len(scores) - k)[len(scores) - k]
        above = np.flatnonzero(scores >= edge)
    else:
        above = np.arange(len(scores))
    return above[np.argsort(-scores[above], kind="stable")][:k]


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Spans of all passages and sentences as arrays: row i is passage i."""

    document: NDArray[np.int32]
    """Row of the passage's document."""
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    first_sentence: NDArray[np.int32]
    """Row of its first sentence; one more entry at the end."""
    sentence_start: NDArray[np.int32]
    sentence_end: NDArray[np.int32]

    def passages(self, first: int, last: int, document: Document) -> list[Passage]:
        """The passages in the rows from `first` to before `last`, all of them the document's."""
        bounds = self.first_sentence[first : last + 1].tolist()
        own = slice(bounds[0], bounds[-1])
        spans = list(map(Span, self.sentence_start[own].tolist(), self.sentence_end[own].tolist()))
        starts, ends = self.start[first:last].tolist(), self.end[first:last].tolist()
        return [
            Passage(
                document_id=document.id,
                start=start,
                end=end,
                text=document.text[start:end],
                sentences=tuple(spans[begin - own.start : stop - own.start]),
            )
            for start, end, (begin, stop) in zip(starts, ends, pairwise(bounds), strict=True)
        ]


_SAMPLED = 2_000
"""Sentences from which the spread of cosines is told."""


class Index:
    """Passages of a corpus, ready to be searched; may be used from several threads."""

    def __init__(
        self,
        *,
        documents: Sequence[Document],
        columns: Columns,
        sentence_vectors: NDArray[np.float16],
        dense: DenseSearch,
        lexical: Postings | None,
        made: datetime | None = None,
        copy_of: NDArray[np.int32] | None = None,
        generation: str = "",
        folder: Path | None = None,
        indexed: Mapping[str, datetime] | None = None,
        hold: object = None,
    ) -> None:
        self.generation = generation
        self.documents = list(documents)
        self._copy_of = np.arange(len(documents), dtype=np.int32) if copy_of is None else copy_of
        self.made = made
        self.folder = folder  # None where it is in memory only
        self._indexed = indexed or {}
        self.dense = dense
        self._columns = columns
        self._sentence_vectors = sentence_vectors
        self._lexical = lexical
        self._hold = hold  # what must live as long as the index does
        self._by_id = {alias: document for document in documents for alias in document.aliases}
        # After the aliases: one that is now another document's own id must not hide that document.
        self._by_id.update((document.id, document) for document in documents)

    def __len__(self) -> int:
        return len(self._columns.start)

    @property
    def sentence_count(self) -> int:
        return len(self._columns.sentence_start)

    def document(self, document_id: str) -> Document:
        """The document of an id or alias; raises KeyError where there is none."""
        return self._by_id[document_id]

    def words(self, document_id: str) -> frozenset[str]:
        """Stems of a document's title and text; raises KeyError as `document` does."""
        document = self.document(document_id)
        return _words(document.title, document.text)

    def indexed(self, document_id: str) -> datetime | None:
        """When the document's words were indexed; None where that was not written down."""
        return self._indexed.get(document_id, None if self.folder else self.made)

    def document_row(self, row: int) -> int:
        """Row of the document that a passage belongs to."""
        return int(self._columns.document[row])

    def are_copies(self, row: int, other: int) -> bool:
        """Whether two passages are from different documents that are nearly the same."""
        own, its = self.document_row(row), self.document_row(other)
        return own != its and bool(self._copy_of[own] == self._copy_of[its])

    def copies(self, document_id: str) -> list[Document]:
        """The other documents that are nearly the same, as the reports of one agency in several papers are."""
        document = self.document(document_id)
        place = next(row for row, other in enumerate(self.documents) if other.id == document.id)
        rows = np.flatnonzero(self._copy_of == self._copy_of[place])
        return [self.documents[row] for row in rows if row != place]

    def passage(self, row: int) -> Passage:
        document = self.documents[self.document_row(row)]
        return self._columns.passages(row, row + 1, document)[0]

    def sentence_vectors(self, row: int) -> Vectors:
        """Unit vectors of a passage's sentences, shape (sentences, dimension)."""
        first, last = self._columns.first_sentence[row], self._columns.first_sentence[row + 1]
        return np.asarray(self._sentence_vectors[first:last], dtype=np.float32)

    def dense_spread(self, vector: Vectors) -> float:
        """Standard deviation of a question's cosines over the corpus, from a sample of sentences."""
        return float((self._sample @ vector).std()) if len(self._sample) else 0.0

    @cached_property
    def _sample(self) -> Vectors:
        step = max(1, len(self._sentence_vectors) // _SAMPLED)
        return np.asarray(self._sentence_vectors[::step], dtype=np.float32)

    def lexical_scores(self, query: Sequence[str]) -> Vectors:
        """BM25 score of every passage for the stems of a question."""
        if not query or not len(self) or self._lexical is None:
            return np.zeros(len(self), dtype=np.float32)
        return self._lexical.scores(query)

    def documents_with(self, words: Sequence[str]) -> list[Document]:
        """The documents in whose searched text, titles included, all the stems stand; none for no stems."""
        rows: set[int] | None = None
        for word in words:
            found = {int(row) for row in np.unique(self._columns.document[self.lexical_scores([word]) > 0])}
            rows = found if rows is None else rows & found
        return [self.documents[row] for row in sorted(rows or ())]

    def mask(self, accept: Callable[[Document], bool]) -> Mask:
        """Which passages belong to documents that are accepted."""
        accepted = np.asarray([accept(document) for document in self.documents], dtype=bool)
        return accepted[self._columns.document] if len(self) else np.zeros(0, dtype=bool)


@lru_cache(maxsize=64)
def _words(title: str, text: str) -> frozenset[str]:
    return frozenset(stems(f"{title}\n{text}"))


def build_index(
    documents: Sequence[Document], embedder: Embedder, settings: Settings, progress: Progress | None = None
) -> Index:
    """Index documents in memory, with exact dense search and nothing left on disk."""
    parts = embed_documents(documents, embedder, settings, progress)
    vectors = [part.vectors for part in parts if part.vectors is not None]
    dense = ExactDense(np.concatenate(vectors) if vectors else np.zeros((0, embedder.dimension), dtype=np.float32))
    return Index(
        documents=documents,
        columns=columns_of(parts),
        sentence_vectors=np.concatenate(
            [np.zeros((0, embedder.dimension), dtype=np.float16), *(part.sentence_vectors for part in parts)]
        ),
        dense=dense,
        lexical=make_postings(parts),
        made=datetime.now(UTC),
        copy_of=group(sign([document.text for document in documents])) if len(documents) > 1 else None,
    )


def columns_of(parts: Sequence[Part]) -> Columns:
    """Spans of all passages and sentences of the parts."""
    passages = [(row, passage) for row, part in enumerate(parts) for passage in part.passages]
    spans = [span for _, passage in passages for span in passage.sentences]
    counts = [len(passage.sentences) for _, passage in passages]
    return Columns(
        document=np.asarray([row for row, _ in passages], dtype=np.int32),
        start=np.asarray([passage.start for _, passage in passages], dtype=np.int32),
        end=np.asarray([passage.end for _, passage in passages], dtype=np.int32),
        first_sentence=np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        sentence_start=np.asarray([start for start, _ in spans], dtype=np.int32),
        sentence_end=np.asarray([end for _, end in spans], dtype=np.int32),
    )
