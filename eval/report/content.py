"""What a report says: the figures of a run put together for a reader, before any form is given to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eval.checker import SHIPPED, Judgement, read_judgements
from eval.results import Record, Run
from eval.scoring import MEASURES, Measure
from eval.summary import Summary, summarise

FAMILIES = {
    "answer": "Answers",
    "abstention": "Abstention",
    "citations": "Citations",
    "groundedness": "Groundedness",
    "retrieval": "Retrieval",
    "conversation": "Conversation",
}
"""Parts of the report that hold scores, with their titles; what needs no checker comes first."""
MOST_CASES = 300
"""Cases shown one by one; failing ones come first, the rest is in results.jsonl."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One case as it is shown: the leading system's reply, and how the others fared."""

    record: Record
    """The leading system's record."""
    others: list[Record]
    """Those of the others."""
    failed: bool
    """Whether the leading score is below 1."""
    leading: str
    """Name of the leading score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One suite with its systems."""

    suite: str
    """Its name."""
    about: str
    """What it is."""
    cases: int
    """Its cases."""
    leading: str
    """The score that says whether a case failed."""
    summaries: list[Summary]
    """One a system, the one that the report is about first."""

    @property
    def lead(self) -> Summary:
        return self.summaries[0]

    def measures(self, family: str) -> list[Measure]:
        """The scores of a family that any system has here."""
        return [
            measure
            for measure in MEASURES
            if measure.family == family and any(own.value(measure.name) for own in self.summaries)
        ]

    def others(self, measure: str) -> list[float]:
        """What the other systems reach."""
        return [estimate.value for own in self.summaries[1:] if (estimate := own.value(measure))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Everything that a report says."""

    run: Run
    """The run."""
    finished: bool
    """Whether it has all its records."""
    parts: list[Part]
    """By suite."""
    shown: list[Shown]
    """Cases one by one, failing first."""
    cases: int
    """All cases of the leading systems."""
    failed: int
    """How many of them failed."""
    checker_about: dict[str, Any]
    """When and on what the checker was measured; empty where it was not."""
    checker_changed: bool
    """Whether it was measured in another version than the one that scored."""
    judgements: list[Judgement]
    """How the checkers fare against people's labels."""

    @property
    def versions(self) -> dict[str, Any]:
        versions: dict[str, Any] = self.run.header["versions"]
        return versions


def gather(run: Run) -> Content:
    """Put together what a report says of a run."""
    summaries = summarise(run.records)
    parts = []
    for suite in run.header["suites"]:
        own = [summary for summary in summaries if summary.suite == suite["name"]]
        if own:
            about, leading = suite["about"], suite["leading"]
            parts.append(Part(suite=suite["name"], about=about, cases=suite["cases"], leading=leading, summaries=own))
    shown = [case for part in parts for case in _cases(run.records, part)]
    about, judgements = read_judgements(SHIPPED) if SHIPPED.exists() else ({}, [])
    ordered = [case for case in shown if case.failed] + [case for case in shown if not case.failed]
    return Content(
        run=run,
        finished=len(run.records) == run.expected,
        parts=parts,
        shown=ordered[:MOST_CASES],
        cases=len(shown),
        failed=sum(case.failed for case in shown),
        checker_about=about,
        checker_changed=about.get("fingerprint") != run.header["versions"]["checker"],
        judgements=judgements,
    )


def _cases(records: Sequence[Record], part: Part) -> list[Shown]:
    by_case: dict[str, list[Record]] = {}
    for record in records:
        if record.suite == part.suite:
            by_case.setdefault(record.case.id, []).append(record)
    shown = []
    for own in by_case.values():
        first = next((record for record in own if record.system == part.lead.system), None)
        if first:
            value = first.value(part.leading)
            others = [record for record in own if record is not first]
            shown.append(
                Shown(record=first, others=others, failed=value is not None and value < 1, leading=part.leading)
            )
    return shown


def trust(judgements: Sequence[Judgement], checker: str) -> str:
    """What is known of a checker, in a line to stand beside its figures; empty where nothing is."""
    own = [judgement for judgement in judgements if judgement.checker == checker and judgement.balanced_accuracy]
    if not own:
        return ""
    told = [f"{judgement.dataset} {judgement.balanced_accuracy:.2f} (n = {judgement.n:,})" for judgement in own]
    return "balanced accuracy against people’s labels: " + ", ".join(told)
