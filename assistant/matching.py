"""Matching: whether a text holds a word of the question, or another that stands for it.

Synonyms come from word vectors (see `training/word_vectors.py`); names and numbers match as
they are, but for slips of the pen and for a people and its country.
"""

from difflib import SequenceMatcher
from functools import cache, lru_cache
from importlib.resources import files

import numpy as np

from assistant.embedding import Vectors
from assistant.question import Asked
from assistant.terms import weight

MET = 0.5
"""From this match on a word of the question counts as met."""


def meets(word: Asked, held: frozenset[str]) -> bool:
    """Whether a word of the question, or what stands for it, is among the stems of a text."""
    return match(word, held) >= MET


def match(word: Asked, held: frozenset[str]) -> float:
    """1 for the word itself, less for a near synonym (never for a name or number), 0 below a similarity of 0.4."""
    if word.stem in held:
        return 1.0
    if word.name and word.stem[0].isdigit():
        return 0.0
    if word.name:
        return max((same_name(word.stem, other) for other in held), default=0.0)
    best = max((_similarity(word.stem, other) for other in held), default=0.0)
    if best < 0.4 and not known(word.stem):
        best = 0.9 if any(_misspelt(word.stem, other) for other in held) else best
    return best if best >= 0.4 else 0.0


@lru_cache(maxsize=100_000)
def same_name(word: str, other: str) -> float:
    """0.9 for a slip of the pen, 0.8 for a people and its country ("senegales", "seneg"), else 0."""
    longer, shorter = (word, other) if len(word) >= len(other) else (other, word)
    if len(shorter) >= 4 and longer.startswith(shorter) and longer[len(shorter) :] in _PEOPLE:
        return 0.8
    return 0.9 if _misspelt(word, other) and not (known(word) and known(other)) else 0.0


_PEOPLE = frozenset(("n", "an", "es", "ales", "al", "abe", "be", "i", "ien", "nais", "ais", "aise", "ian"))
"""Endings between the stems of a country and of its people."""


@lru_cache(maxsize=100_000)
def _misspelt(word: str, other: str) -> bool:
    """Whether two stems differ by no more than a slip of the pen ("langaug", "languag")."""
    if min(len(word), len(other)) < 5 or abs(len(word) - len(other)) > 2 or word[0] != other[0]:
        return False
    return SequenceMatcher(None, word, other, autojunk=False).ratio() >= 0.84


@cache
def _word_vectors() -> tuple[dict[str, int], Vectors]:
    with (files("assistant") / "data" / "word_vectors.npz").open("rb") as stream:
        data = np.load(stream)
        rows = {str(stemmed): row for row, stemmed in enumerate(data["stems"])}
        return rows, data["vectors"].astype(np.float32) / 127


def known(stemmed: str) -> bool:
    """Whether a stem is a common one."""
    return stemmed in _word_vectors()[0] or weight(stemmed) < 1


@lru_cache(maxsize=200_000)
def _similarity(word: str, other: str) -> float:
    rows, vectors = _word_vectors()
    if word not in rows or other not in rows or other[0].isdigit():
        return 0.0
    return float(vectors[rows[word]] @ vectors[rows[other]])


def synonymy(word: str, other: str) -> float:
    """How near in meaning two stems are, 0.5..1, or 0 where they are not near."""
    near = _similarity(word, other)
    return near if near >= MET else 0.0
