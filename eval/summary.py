"""Summaries: the means of a run with their intervals, by suite, system, kind of question and turn."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from assistant.reply import Status
from eval.interval import Estimate, figure
from eval.results import Record
from eval.scores import abstention
from eval.scores.abstention import Curve
from eval.scores.cost import Spread, spreads
from eval.scoring import MEASURES

Key = TypeVar("Key", str, int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One score of one system over cases."""

    measure: str
    """Name of the score."""
    estimate: Estimate | None
    """Mean with its interval; None where no case was scored."""
    unscored: int
    """Cases that ask for it and could not be scored."""
    not_applicable: int
    """Cases that do not ask for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How one system fared with one suite."""

    suite: str
    """Name of the suite."""
    system: str
    """Name of the system."""
    cases: int
    """Cases it was given."""
    figures: dict[str, Figure]
    """By score, all of them."""
    kinds: dict[str, dict[str, Figure]]
    """The same by kind of question."""
    turns: dict[int, dict[str, Figure]]
    """The same by number of the turn."""
    sides: dict[str, dict[Status, int]]
    """How many replies have which status, by what the sources allow."""
    curve: Curve | None
    """Risk against coverage; None where the system gives no probability."""
    cost: dict[str, Spread]
    """Seconds and counts by stage."""

    def value(self, measure: str) -> Estimate | None:
        """A score's mean; None where no case was scored."""
        own = self.figures.get(measure)
        return own.estimate if own else None


def summarise(records: Sequence[Record]) -> list[Summary]:
    """One summary for each suite and system, in the order in which they occur."""
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        groups.setdefault((record.suite, record.system), []).append(record)
    return [_summary(suite, system, own) for (suite, system), own in groups.items()]


def figures(records: Sequence[Record]) -> dict[str, Figure]:
    """Every score's mean over records."""
    return {measure.name: _figure(measure.name, records) for measure in MEASURES}


def _summary(suite: str, system: str, records: Sequence[Record]) -> Summary:
    return Summary(
        suite=suite,
        system=system,
        cases=len(records),
        figures=figures(records),
        kinds=_by(records, lambda record: record.case.kind),
        turns=dict(sorted(_by(records, lambda record: record.case.turn).items())),
        sides=_sides(records),
        curve=_curve(records),
        cost=spreads([record.seconds for record in records if record.seconds]),
    )


def _figure(measure: str, records: Iterable[Record]) -> Figure:
    scores = [record.scores[measure] for record in records if measure in record.scores]
    values = [score.value for score in scores if score.value is not None]
    states = Counter(score.state for score in scores)
    return Figure(
        measure=measure,
        estimate=figure(values) if values else None,
        unscored=states["unscored"],
        not_applicable=states["not applicable"],
    )


def _by(records: Sequence[Record], key: Callable[[Record], Key]) -> dict[Key, dict[str, Figure]]:
    groups: dict[Key, list[Record]] = {}
    for record in records:
        groups.setdefault(key(record), []).append(record)
    return {name: figures(own) for name, own in groups.items()}


def _sides(records: Sequence[Record]) -> dict[str, dict[Status, int]]:
    table: dict[str, dict[Status, int]] = {}
    for record in records:
        row = table.setdefault(abstention.side(record.case.kind, record.case.answerable), {})
        status: Status = record.reply["status"]
        row[status] = row.get(status, 0) + 1
    return {name: table[name] for name in abstention.SIDES if name in table}


def _curve(records: Sequence[Record]) -> Curve | None:
    asked = [
        (record.case.answerable, float(record.reply["answerable"]))
        for record in records
        if record.case.answerable is not None and record.reply["answerable"] is not None
    ]
    return abstention.curve([answerable for answerable, _ in asked], [sureness for _, sureness in asked])
