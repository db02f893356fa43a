"""Abstention: who was refused, rightly or wrongly, and what a bolder or more careful system would risk.

The curve is that of selective answering (El-Yaniv and Wiener 2010): questions in the order of
the probability that the sources answer them; coverage is the share that would be answered,
risk the share of those that the sources do not answer at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eval.scores.calibration import Bin, auroc, bins, calibration_error

SIDES = ("answerable", "unanswerable", "false premise", "either")
"""What the sources allow; `either`: more than one status is right, or the question is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What answering from one threshold on would mean."""

    threshold: float
    """Probability from which a question is answered."""
    coverage: float
    """Share of all questions that are answered."""
    risk: float
    """Share of the answered that the sources do not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Risk against coverage, with what it comes down to."""

    points: list[Point]
    """From the surest question alone to all of them; of equal probabilities only all together."""
    area: float
    """Mean risk over coverage (AURC): 0 is best."""
    auroc: float | None
    """Probability that an answerable question is surer than an unanswerable one."""
    bins: list[Bin]
    """What the probability said and what was so."""
    calibration_error: float
    """Expected calibration error."""
    n: int
    """Questions it stands on."""


def side(kind: str, answerable: bool | None) -> str:
    """Which row of the table a case belongs to."""
    if kind == "false_premise":
        return "false premise"
    return {True: "answerable", False: "unanswerable", None: "either"}[answerable]


def curve(answerable: Sequence[bool], probabilities: Sequence[float]) -> Curve | None:
    """Risk and coverage of the probabilities that questions are answerable; None for no question."""
    if not answerable:
        return None
    order = np.argsort(-np.asarray(probabilities, dtype=np.float64), kind="stable")
    wrong = np.cumsum([not answerable[place] for place in order])
    points = []
    for count, place in enumerate(order, 1):
        threshold = float(probabilities[place])
        if count < len(order) and float(probabilities[order[count]]) == threshold:
            continue  # no threshold parts questions of equal probability
        points.append(Point(threshold=threshold, coverage=count / len(order), risk=float(wrong[count - 1]) / count))
    widths = np.diff([0.0, *(point.coverage for point in points)])
    own = bins(answerable, probabilities)
    return Curve(
        points=points,
        area=float(sum(width * point.risk for width, point in zip(widths, points, strict=True))),
        auroc=auroc(answerable, probabilities),
        bins=own,
        calibration_error=calibration_error(own),
        n=len(order),
    )
