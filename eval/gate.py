"""Gate: whether a run keeps what is asked of it, for a continuous integration of anybody's own."""

from collections.abc import Sequence
from dataclasses import dataclass

from eval.interval import Estimate
from eval.results import Run, RunError
from eval.scoring import BY_NAME
from eval.summary import figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A bound that a score's mean must keep."""

    measure: str
    """Name of the score."""
    value: float
    """The bound."""
    least: bool
    """Whether the mean must be at least the bound; at most otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Whether a bound was kept."""

    kept: bool
    """It was."""
    told: str
    """What was found and what was asked."""


def read_bound(text: str, *, least: bool) -> Bound:
    """A bound from `name=value`; raises RunError for an unknown score or what is no number."""
    name, _, value = text.partition("=")
    if name not in BY_NAME:
        raise RunError(f"there is no score {name!r}; there are {', '.join(BY_NAME)}")
    try:
        return Bound(measure=name, value=float(value), least=least)
    except ValueError:
        raise RunError(f"{text!r}: found {value!r}, expected a number, as in {name}=0.9") from None


def gate(
    run: Run, bounds: Sequence[Bound], *, system: str, suite: str | None = None, careful: bool = False
) -> list[Outcome]:
    """Hold a run against bounds; a score that no case has is not kept, and neither is any by half a run.

    `careful` takes the interval's end instead of the mean: the lower for a least bound, the upper for a most.
    Raises RunError where there is nothing to hold.
    """
    if not bounds:
        raise RunError("no bound is given: name one with --min or --max, as in --min right=0.6")
    records = [own for own in run.records if own.system == system and suite in (None, own.suite)]
    if not records:
        raise RunError(f"{run.folder.name} has no record of {system!r}" + (f" in {suite!r}" if suite else ""))
    outcomes = [_outcome(bound, figures(records)[bound.measure].estimate, careful) for bound in bounds]
    if len(run.records) < run.expected:
        told = f"the run is not finished: {len(run.records)} of {run.expected} records"
        outcomes.append(Outcome(kept=False, told=told))
    return outcomes


def _outcome(bound: Bound, estimate: Estimate | None, careful: bool) -> Outcome:
    asked = f"{'at least' if bound.least else 'at most'} {bound.value:g}"
    if estimate is None:
        return Outcome(kept=False, told=f"{bound.measure}: no case was scored, expected {asked}")
    held = (estimate.low if bound.least else estimate.high) if careful else estimate.value
    kept = held >= bound.value if bound.least else held <= bound.value
    by = f" (by its interval’s end, {held:.3f})" if careful else ""
    return Outcome(kept=kept, told=f"{bound.measure}: {estimate}{by}, expected {asked}")
