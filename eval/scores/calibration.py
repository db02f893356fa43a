"""Calibration: whether a probability means what it says, and how well it tells yes from no.

AUROC, average precision and balanced accuracy are scikit-learn's.  The expected calibration
error is the mean gap between probability and share of yes over ten bins of equal width,
weighted by their counts (Guo et al. 2017, arXiv 1706.04599).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BINS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """What was said and what was so, over a range of probabilities."""

    low: float
    """Lower end of the range."""
    high: float
    """Upper end of the range."""
    said: float
    """Mean probability in it."""
    so: float
    """Share of yes in it."""
    n: int
    """How many fell into it."""


def bins(labels: Sequence[bool], probabilities: Sequence[float], count: int = BINS) -> list[Bin]:
    """The bins that hold anything, lowest first; probabilities are 0..1."""
    yes, said = np.asarray(labels, dtype=bool), np.asarray(probabilities, dtype=np.float64)
    places = np.minimum((said * count).astype(np.int64), count - 1)
    return [
        Bin(
            low=place / count,
            high=(place + 1) / count,
            said=float(said[places == place].mean()),
            so=float(yes[places == place].mean()),
            n=int((places == place).sum()),
        )
        for place in range(count)
        if (places == place).any()
    ]


def calibration_error(own: Sequence[Bin]) -> float:
    """Expected calibration error, 0..1."""
    n = sum(one.n for one in own)
    return sum(one.n * abs(one.said - one.so) for one in own) / n if n else 0.0


def auroc(labels: Sequence[bool], scores: Sequence[float]) -> float | None:
    """Probability that a yes scores above a no (ties count half); None where only one of them occurs."""
    if len(set(labels)) < 2:
        return None
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(labels, scores))


def balanced_accuracy(labels: Sequence[bool], said: Sequence[bool]) -> float | None:
    """Mean of the shares of yes and of no that were told; None where only one of them occurs."""
    if len(set(labels)) < 2:
        return None
    from sklearn.metrics import balanced_accuracy_score

    return float(balanced_accuracy_score(labels, said))


def best_threshold(labels: Sequence[bool], scores: Sequence[float]) -> float | None:
    """The threshold (yes from it on) of the best balanced accuracy; None where only yes or only no occurs."""
    if len(set(labels)) < 2:
        return None
    from sklearn.metrics import roc_curve

    false, true, thresholds = roc_curve(labels, scores)
    best = float(thresholds[int(np.argmax(true - false))])
    return best if np.isfinite(best) else 1.0
