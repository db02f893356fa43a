"""Logistic regression, applied: weights times features as a probability."""

import math
from collections.abc import Sequence


def probability(weights: Sequence[float], features: Sequence[float]) -> float:
    """Probability 0..1 of features under weights of the same number; one feature is the bias."""
    return logistic(sum(w * f for w, f in zip(weights, features, strict=True)))


def logistic(value: float) -> float:
    """Probability 0..1 of log-odds; cut at ±60, where a float is 0 or 1 anyway and `exp` still has a value."""
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, value))))
