"""Copies: which articles are nearly the same, as a report of an agency is in ten papers.

Texts are compared by their runs of five words: MinHash signatures estimate the share that two
have in common (Broder 1997), and locality-sensitive hashing finds the pairs worth comparing.
"""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Signatures = NDArray[np.uint32]
"""One row for each text; rows of all zeros are of texts too short to tell."""

SIGNATURE = 128
"""Numbers in a signature."""
SCHEME = "affine32"
"""How datasketch permutes hashes; named, for signatures are kept and its default may become another."""
RUN = 5
"""Words in a run."""
FEWEST_RUNS = 20
"""Texts of fewer runs are not compared: two short notes share most of their words by chance."""
ALIKE = 0.5
"""Share of runs in common from which two texts are copies; unrelated articles share next to none."""


def sign(texts: Sequence[str]) -> Signatures:
    """Signatures of texts, shape (texts, SIGNATURE)."""
    signatures = np.zeros((len(texts), SIGNATURE), dtype=np.uint32)
    if not texts:
        return signatures
    from datasketch import MinHash

    permutations = MinHash(num_perm=SIGNATURE, seed=1, scheme=SCHEME).permutations
    for row, text in enumerate(texts):
        runs = runs_of(text, RUN)
        if len(runs) >= FEWEST_RUNS:
            own = MinHash(num_perm=SIGNATURE, seed=1, scheme=SCHEME, permutations=permutations)
            own.update_batch([run.encode("utf-8") for run in runs])
            signatures[row] = own.hashvalues
    return signatures


def group(signatures: Signatures) -> NDArray[np.int32]:
    """For each text the row of the first that it is a copy of, or of a copy of; its own row where it is none."""
    first = np.arange(len(signatures), dtype=np.int32)
    if len(signatures) < 2:
        return first
    from datasketch import MinHash, MinHashLSH

    near = MinHashLSH(threshold=ALIKE, num_perm=SIGNATURE)
    permutations = MinHash(num_perm=SIGNATURE, seed=1, scheme=SCHEME).permutations
    for row in np.flatnonzero(signatures.any(axis=1)).tolist():
        own = MinHash(num_perm=SIGNATURE, seed=1, scheme=SCHEME, hashvalues=signatures[row], permutations=permutations)
        for other in sorted(near.query(own)):
            if np.mean(signatures[row] == signatures[other]) >= ALIKE:
                _join(first, row, other)
        near.insert(row, own, check_duplication=False)
    return np.asarray([_first(first, row) for row in range(len(first))], dtype=np.int32)


def mostly_alike(text: str, other: str, *, run: int = 3, share: float = 0.6) -> bool:
    """Whether most runs of words of the shorter text stand in the other too."""
    runs, others = runs_of(text, run), runs_of(other, run)
    fewer = min(len(runs), len(others))
    return fewer > 0 and len(runs & others) >= share * fewer


def runs_of(text: str, length: int) -> set[str]:
    """All runs of so many words, in lower case; the whole text where it has fewer."""
    words = _WORD.findall(text.casefold())
    return {" ".join(words[i : i + length]) for i in range(max(1, len(words) - length + 1))} if words else set()


def _first(first: NDArray[np.int32], row: int) -> int:
    while first[row] != row:
        first[row] = first[first[row]]
        row = int(first[row])
    return row


def _join(first: NDArray[np.int32], row: int, other: int) -> None:
    low, high = sorted((_first(first, row), _first(first, other)))
    first[high] = low


_WORD = re.compile(r"\w+")
