"""Cost: seconds by stage, and the tokens and calls of a language model where one is used.

Times differ from run to run, so they are kept apart from what is scored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

_COUNTS = ("tokens", "calls")
"""What a reply's timings hold beside seconds, by the ends of their names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Median and 95th percentile of one stage, or of one count."""

    p50: float
    """Half of the questions took no more."""
    p95: float
    """19 of 20 questions took no more."""
    n: int
    """Questions it stands on."""
    counts: bool
    """Whether these are counts; seconds otherwise."""


def spreads(timings: Sequence[Mapping[str, float]]) -> dict[str, Spread]:
    """By stage, in the order in which stages first occur; a stage that a reply did not reach is not counted as 0."""
    stages = list(dict.fromkeys(stage for own in timings for stage in own))
    result = {}
    for stage in stages:
        values = [own[stage] for own in timings if stage in own]
        middle, high = np.quantile(values, [0.5, 0.95])
        result[stage] = Spread(p50=float(middle), p95=float(high), n=len(values), counts=stage.endswith(_COUNTS))
    return result
