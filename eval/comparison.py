"""Comparison: two systems question by question, never by two means.

The difference of each score is taken case by case; its interval is a bootstrap over cases, and
wins against losses are held against chance by the exact sign test (two-sided, ties left out).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from eval.interval import Estimate, mean
from eval.results import Record, Run, RunError
from eval.scoring import MEASURES

LEADING = "right"
"""The score by which wins and losses are listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One score of B less that of A over the cases that both were scored on."""

    measure: str
    """Name of the score."""
    before: float
    """Mean of A."""
    after: float
    """Mean of B."""
    difference: Estimate
    """Mean of B less A, paired, with its 95 % bootstrap interval."""
    wins: int
    """Cases where B scores higher."""
    losses: int
    """Cases where B scores lower."""
    ties: int
    """Cases where both score the same."""
    p: float
    """Probability of wins and losses at least so uneven by chance (sign test)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two systems over the cases they share."""

    name_a: str
    """What A is called."""
    name_b: str
    """What B is called."""
    shared: int
    """Cases that both answered."""
    apart: int
    """Cases that only one of them answered."""
    notes: list[str]
    """What was not the same: data, settings, models."""
    differences: list[Difference]
    """By score, those that both were scored on."""
    wins: list[tuple[Record, Record]]
    """Cases that B wins by the leading score, A's record first."""
    losses: list[tuple[Record, Record]]
    """Cases that B loses."""


def compare(
    a: Run, b: Run, *, system_a: str, system_b: str, suite: str | None = None, leading: str = LEADING
) -> Comparison:
    """Compare a system of one run with one of another (or of the same); raises RunError where they share no case."""
    ours, theirs = _records(a, system_a, suite), _records(b, system_b, suite)
    keys = [key for key in ours if key in theirs]
    if not keys:
        raise RunError(f"{a.folder.name} ({system_a}) and {b.folder.name} ({system_b}) share no case")
    changed = [key for key in keys if ours[key].case != theirs[key].case]
    pairs = [(ours[key], theirs[key]) for key in keys if key not in changed]
    notes = _notes(a, b)
    if changed:
        notes.append(f"{len(changed)} cases have another question or another gold answer in B: left out")
    if not pairs:
        raise RunError(f"all {len(keys)} cases that {a.folder.name} and {b.folder.name} share were changed in between")
    leading_pairs = [(x, y, x.value(leading), y.value(leading)) for x, y in pairs]
    return Comparison(
        name_a=f"{a.folder.name} · {system_a}",
        name_b=f"{b.folder.name} · {system_b}",
        shared=len(pairs),
        apart=len(ours.keys() ^ theirs.keys()),
        notes=notes,
        differences=[own for measure in MEASURES if (own := difference(measure.name, pairs))],
        wins=[(x, y) for x, y, u, v in leading_pairs if u is not None and v is not None and v > u],
        losses=[(x, y) for x, y, u, v in leading_pairs if u is not None and v is not None and v < u],
    )


def difference(measure: str, pairs: Sequence[tuple[Record, Record]]) -> Difference | None:
    """One score of both; None where no case has it in both."""
    from scipy.stats import binomtest

    values = [(x.value(measure), y.value(measure)) for x, y in pairs]
    both = [(u, v) for u, v in values if u is not None and v is not None]
    if not both:
        return None
    wins, losses = sum(v > u for u, v in both), sum(v < u for u, v in both)
    return Difference(
        measure=measure,
        before=sum(u for u, _ in both) / len(both),
        after=sum(v for _, v in both) / len(both),
        difference=mean([v - u for u, v in both]),
        wins=wins,
        losses=losses,
        ties=len(both) - wins - losses,
        p=float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0,
    )


def _records(run: Run, system: str, suite: str | None) -> dict[tuple[str, str], Record]:
    there = sorted({record.system for record in run.records})
    if system not in there:
        raise RunError(f"{run.folder.name} has no system {system!r}; it has {', '.join(there) or 'none'}")
    return {
        (record.suite, record.case.id): record
        for record in run.records
        if record.system == system and suite in (None, record.suite)
    }


def _notes(a: Run, b: Run) -> list[str]:
    notes = []
    ours, theirs = ({own["name"]: own["fingerprint"] for own in run.header["suites"]} for run in (a, b))
    for name in ours.keys() & theirs.keys():
        if ours[name]["articles"] != theirs[name]["articles"]:
            notes.append(f"{name}: the articles are not the same")
    before, after = a.header["versions"], b.header["versions"]
    notes.extend(f"other {name}" for name in before if before[name] != after.get(name))
    for run in (a, b):
        if len(run.records) < run.expected:
            notes.append(f"{run.folder.name} is not finished: {len(run.records)} of {run.expected} records")
    return notes
