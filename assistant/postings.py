"""Postings: which passages hold which words, and how much a word says (BM25).

k1 and b are those of Lucene's BM25Similarity.  This is the only file that imports bm25s.
"""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from assistant.embedding import Vectors
from assistant.parts import Part
from assistant.terms import stems


class Postings:
    """BM25 over the passages of an index."""

    def __init__(self, lexical: Any) -> None:
        self._lexical = lexical

    def __len__(self) -> int:
        return int(self._lexical.scores["num_docs"])

    def scores(self, query: Sequence[str]) -> Vectors:
        """Score of every passage for the stems of a question."""
        return np.asarray(self._lexical.get_scores(list(query)), dtype=np.float32)

    def save(self, folder: Path) -> None:
        """Write them to a folder; raises OSError."""
        self._lexical.save(folder, show_progress=False)


def make_postings(parts: Iterable[Part]) -> Postings | None:
    """The postings of all passages in their order, each with its title; None where there is no word."""
    tokens = [stems(f"{part.document.title}\n{passage.text}") for part in parts for passage in part.passages]
    if not any(tokens):
        return None
    lexical = _bm25s().BM25(k1=1.2, b=0.75)
    lexical.index(tokens, create_empty_token=False, show_progress=False)
    return Postings(lexical)


def open_postings(folder: Path) -> Postings:
    """The postings that were saved in a folder; raises one of `damage.UNREADABLE` where they are damaged."""
    return Postings(_bm25s().BM25.load(folder, mmap=True, show_progress=False))


def _bm25s() -> Any:
    """The library, told to be quiet: at import it sets its logger to DEBUG, and programs that log would print it all."""
    import bm25s

    logging.getLogger("bm25s").setLevel(logging.WARNING)
    return bm25s
