"""Confidence intervals: how far a measured figure may be off by chance."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Z = 1.959964
"""Normal quantile of a two-sided 95 % interval."""
RESAMPLES = 2000
SEED = 20240917


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval."""

    value: float
    """The figure itself."""
    low: float
    """Lower end of the interval."""
    high: float
    """Upper end of the interval."""
    n: int
    """Observations it stands on."""

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}], n = {self.n}"


def proportion(successes: int, n: int) -> Estimate:
    """Share of successes with Wilson's score interval (Wilson 1927); raises ValueError for n = 0."""
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n}, expected 0 to n of at least 1")
    share = successes / n
    centre = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    return Estimate(share, max(0.0, centre - half), min(1.0, centre + half), n)


def figure(values: Sequence[float]) -> Estimate:
    """`mean`, but Wilson's interval where all values are 0 or all are 1: a bootstrap of those has no width.

    Raises ValueError for no value.
    """
    if len(values) and (all(value == 1 for value in values) or all(value == 0 for value in values)):
        return proportion(round(sum(values)), len(values))
    return mean(values)


def mean(values: Sequence[float]) -> Estimate:
    """Mean with the percentile bootstrap interval (Efron 1979), the same at every call; raises ValueError for none."""
    if not len(values):
        raise ValueError("no values, expected at least one")
    sample = np.asarray(values, dtype=np.float64)
    drawn = np.random.default_rng(SEED).integers(0, len(sample), size=(RESAMPLES, len(sample)))
    low, high = np.quantile(sample[drawn].mean(axis=1), [0.025, 0.975])
    return Estimate(float(sample.mean()), float(low), float(high), len(sample))
