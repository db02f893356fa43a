"""Reranking: the hits in the order in which the reader finds an answer in them.

Search knows what a passage is about; the reader, which sees question and passage together,
whether it answers.  The two are added as they are: fused score and probability, both 0..1.
"""

from collections.abc import Sequence
from dataclasses import replace

from assistant.reader import Reading
from assistant.retrieval import Hit


def rerank(hits: Sequence[Hit], readings: Sequence[Reading], most: int) -> tuple[list[Hit], list[Reading]]:
    """The `most` best hits with their readings, best first; `rank` says their new place, `score` stays the fused one."""
    order = sorted(range(len(hits)), key=lambda place: -(hits[place].score + readings[place].answerable))[:most]
    return (
        [replace(hits[place], rank=rank) for rank, place in enumerate(order, 1)],
        [readings[place] for place in order],
    )
