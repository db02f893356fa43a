"""Postings: which passages hold which words, and how much a word says (BM25).

k1 and b are those of Lucene's BM25Similarity.  How often each word stands in each passage is kept
beside the scores, so that an update stems only what is new.  This is the only file that imports bm25s.
"""

import logging
from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assistant.embedding import Vectors
from assistant.parts import Part
from assistant.terms import stems

K1, B = 1.2, 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What the scores are made from; does not depend on what else is in the index."""

    times: NDArray[np.unsignedinteger]
    """How often each word stands in each passage that holds it, in the order of the scores."""
    lengths: NDArray[np.int32]
    """Words of each passage."""

    def save(self, folder: Path) -> None:
        """Write them to a folder; raises OSError."""
        np.save(folder / "times.npy", self.times)
        np.save(folder / "lengths.npy", self.lengths)

    @classmethod
    def open(cls, folder: Path) -> "Counts | None":
        """Those that were saved in a folder; None where an older version wrote none."""
        if not (folder / "times.npy").is_file():
            return None
        return cls(
            times=np.load(folder / "times.npy", mmap_mode="r"), lengths=np.load(folder / "lengths.npy", mmap_mode="r")
        )


class Postings:
    """BM25 over the passages of an index."""

    def __init__(self, lexical: Any, counts: Counts | None) -> None:
        self._lexical = lexical
        self._counts = counts

    def __len__(self) -> int:
        return int(self._lexical.scores["num_docs"])

    def scores(self, query: Sequence[str]) -> Vectors:
        """Score of every passage for the stems of a question."""
        return np.asarray(self._lexical.get_scores(list(query)), dtype=np.float32)

    def save(self, folder: Path) -> None:
        """Write them to a folder; raises OSError."""
        self._lexical.save(folder, show_progress=False)
        if self._counts:
            self._counts.save(folder)

    def entries(self) -> "Entries | None":
        """What they were made from; None where an older version wrote them."""
        if self._counts is None:
            return None
        held = self._lexical.scores
        return Entries(
            words=self._lexical.vocab_dict,
            word=np.repeat(np.arange(len(held["indptr"]) - 1, dtype=np.int32), np.diff(held["indptr"])),
            passage=held["indices"],
            times=self._counts.times,
            lengths=self._counts.lengths,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """Which word stands how often in which passage: one entry for each pair of these, in any order."""

    words: dict[str, int]
    """Number of each word."""
    word: NDArray[np.int32]
    passage: NDArray[np.int32]
    times: NDArray[np.unsignedinteger]
    lengths: NDArray[np.int32]
    """Words of each passage; 0 where none is known."""

    def moved(self, rows: NDArray[np.int32], passages: int) -> "Entries":
        """Those of the passages that have a row, now of so many; a row of -1 is that of a passage that is gone."""
        passage = rows[self.passage]
        kept = passage >= 0
        lengths = np.zeros(passages, dtype=np.int32)
        lengths[rows[rows >= 0]] = self.lengths[rows >= 0]
        return Entries(
            words=self.words,
            word=self.word[kept],
            passage=passage[kept],
            times=self.times[kept],
            lengths=lengths,
        )

    def together(self, other: "Entries") -> "Entries":
        """Both, over the same passages."""
        words = {word: number for number, word in enumerate(dict.fromkeys([*self.words, *other.words]))}
        own, its = (
            np.fromiter((words[word] for word in entries.words), dtype=np.int32, count=len(entries.words))
            for entries in (self, other)
        )
        return Entries(
            words=words,
            word=np.concatenate([own[self.word], its[other.word]]),
            passage=np.concatenate([self.passage, other.passage]),
            times=np.concatenate([self.times, other.times]),
            lengths=self.lengths + other.lengths,
        )

    def ordered(self) -> "Entries":
        """By word, then by passage; the words that stand anywhere, in the order of the alphabet.

        So what an update writes is the same, byte for byte, as what is written of all passages at once.
        """
        used = np.bincount(self.word, minlength=len(self.words)) > 0
        words = {word: number for number, word in enumerate(sorted(w for w, n in self.words.items() if used[n]))}
        number = np.zeros(len(self.words), dtype=np.int64)
        for word, old in self.words.items():
            number[old] = words.get(word, 0)
        place = number[self.word] * len(self.lengths) + self.passage
        order = np.argsort(place, kind="stable")  # quick where most are in order already, as in an update
        times = self.times[order]
        return Entries(
            words=words,
            word=number.astype(np.int32)[self.word[order]],
            passage=self.passage[order],
            times=times.astype(np.min_scalar_type(int(times.max(initial=0)))),
            lengths=self.lengths,
        )


def make_postings(parts: Sequence[Part], old: Postings | None = None) -> Postings | None:
    """The postings of all passages in their order, each with its title; None where there is no word.

    Passages that have a row in the old postings are not stemmed again.
    """
    known = old.entries() if old else None
    passages = sum(len(part.passages) for part in parts)
    rows = np.full(0 if known is None else len(known.lengths), -1, dtype=np.int32)
    words: dict[str, int] = {}
    word, passage, times = array("i"), array("i"), array("I")
    lengths = np.zeros(passages, dtype=np.int32)
    row = 0
    for part in parts:
        count = len(part.passages)
        if known is not None and part.first_row is not None:
            rows[part.first_row : part.first_row + count] = np.arange(row, row + count)
        else:
            for place, own in enumerate(part.passages, row):
                found = Counter(stems(f"{part.document.title}\n{own.text}"))
                word.extend([words.setdefault(stem, len(words)) for stem in found])
                passage.extend([place] * len(found))
                times.extend(found.values())
                lengths[place] = found.total()
        row += count
    entries = Entries(
        words=words,
        word=np.frombuffer(word, dtype=np.int32),
        passage=np.frombuffer(passage, dtype=np.int32),
        times=np.frombuffer(times, dtype=np.uint32),
        lengths=lengths,
    )
    if known is not None:
        entries = known.moved(rows, passages).together(entries)
    return _postings(entries.ordered()) if len(entries.word) else None


def _postings(entries: Entries) -> Postings:
    lexical = _bm25s().BM25(k1=K1, b=B)
    bounds = np.concatenate([[0], np.cumsum(np.bincount(entries.word, minlength=len(entries.words)))])
    lexical.scores = {
        "data": _weigh(entries, bounds),
        "indices": entries.passage,
        "indptr": bounds,
        "num_docs": len(entries.lengths),
    }
    lexical.vocab_dict = entries.words
    lexical.unique_token_ids_set = set(entries.words.values())
    lexical.nonoccurrence_array = None
    return Postings(lexical, Counts(times=entries.times, lengths=entries.lengths))


def _weigh(entries: Entries, bounds: NDArray[np.int64]) -> Vectors:
    """BM25 of each entry as bm25s reckons it (method "lucene": Kamphuis et al. 2020, doi 10.1007/978-3-030-45442-5_4)."""
    number = len(entries.lengths)
    holding = np.diff(bounds)
    rarity = np.log(1 + (number - holding + 0.5) / (holding + 0.5)).astype(np.float32)
    reach = K1 * ((1 - B) + B * entries.lengths / entries.lengths.mean())
    weights = np.empty(len(entries.word), dtype=np.float32)
    for first in range(0, len(weights), _WEIGHED):
        some = slice(first, first + _WEIGHED)
        times = entries.times[some].astype(np.float32)
        weights[some] = rarity[entries.word[some]] * (times / (reach[entries.passage[some]] + times))
    return weights


_WEIGHED = 1_000_000
"""Entries that are weighed together: what is reckoned meanwhile takes more room than they do."""


def open_postings(folder: Path) -> Postings:
    """The postings that were saved in a folder; raises one of `damage.UNREADABLE` where they are damaged."""
    lexical = _bm25s().BM25.load(folder, mmap=True, show_progress=False)
    counts = Counts.open(folder)
    if counts and (len(counts.times), len(counts.lengths)) != (len(lexical.scores["data"]), lexical.scores["num_docs"]):
        raise ValueError(f"{len(counts.times)} counts of {len(counts.lengths)} passages")
    return Postings(lexical, counts)


def _bm25s() -> Any:
    """The library, told to be quiet: at import it sets its logger to DEBUG, and programs that log would print it all."""
    import bm25s

    logging.getLogger("bm25s").setLevel(logging.WARNING)
    return bm25s
