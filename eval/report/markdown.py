"""The report as Markdown, to be put beside code or into a message; what articles and models say is escaped."""

import re
from collections.abc import Iterable, Sequence

from eval.report.content import FAMILIES, Content, Part, trust
from eval.report.page import STATUSES, headline, lede, version_rows
from eval.results import Record
from eval.scoring import BY_NAME

MOST_FAILING = 50
"""Failing cases that are listed."""
_SPECIAL = re.compile(r"([\\`*_\[\]<>|#])")


def render(content: Content) -> str:
    """The report as Markdown."""
    parts = [f"# {plain(headline(content))}", plain(lede(content)), _about(content)]
    for name, title in FAMILIES.items():
        tables = [_table(part, name) for part in content.parts if part.measures(name)]
        if tables:
            parts.extend([f"## {title}", *_remarks(content, name), *tables])
        if name == "abstention":
            parts.extend(_sides(part) for part in content.parts)
    parts.extend(_judgements(content))
    parts.extend(["## Failing cases", *_failing(content)])
    parts.extend(["## Versions", *[f"- {plain(name)}: {plain(value)}" for name, value in version_rows(content)]])
    return "\n\n".join(part for part in _joined_lists(parts) if part) + "\n"


def plain(text: str) -> str:
    """Text in one line that Markdown and HTML read as nothing but text."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are escaped already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _about(content: Content) -> str:
    state = "" if content.finished else f" **Not finished: {len(content.run.records)} of {content.run.expected}.**"
    return f"Run `{content.run.folder.name}`, begun {content.run.began}. Means with 95 % intervals.{state}"


def _table(part: Part, family: str) -> str:
    measures = part.measures(family)
    rows = []
    for own in part.summaries:
        cells = []
        for measure in measures:
            figure = own.figures[measure.name]
            cells.append(f"{figure.estimate or '–'}" + (f", {figure.unscored} unscored" if figure.unscored else ""))
        rows.append([plain(own.system), *cells])
    return f"{plain(part.suite)}\n\n" + table(["system", *(measure.title for measure in measures)], rows)


def _sides(part: Part) -> str:
    sides = part.lead.sides
    rows = [[side, *(str(own.get(status, 0)) for status in STATUSES)] for side, own in sides.items()]  # type: ignore[call-overload]
    curve = part.lead.curve
    told = ""
    if curve:
        auroc = "" if curve.auroc is None else f", AUROC {curve.auroc:.3f}"
        told = f"\n\nRisk over coverage {curve.area:.3f}{auroc}, calibration error {curve.calibration_error:.3f}, n = {curve.n}."
    return table([f"{plain(part.suite)}, {plain(part.lead.system)}", *STATUSES], rows) + told


def _remarks(content: Content, family: str) -> list[str]:
    if family == "citations":
        return ["Copying a passage wins recall and precision, as whole-passage shows: read them beside *right*."]
    if family != "groundedness":
        return []
    told = ["The assistant filters with the checker that scores it here; the second opinion is lexical."]
    for checker in ("checker", "lexical"):
        known = trust(content.judgements, checker)
        told.append(f"{checker}: {known or 'not measured against people’s labels here'}.")
    return told


def _judgements(content: Content) -> list[str]:
    if not content.judgements:
        return []
    rows = [
        [
            plain(own.dataset),
            own.checker,
            str(own.n),
            _number(own.balanced_accuracy),
            _number(own.at_best),
            _number(own.auroc),
            _number(own.calibration_error),
        ]
        for own in content.judgements
    ]
    head = ["set", "checker", "n", "balanced accuracy", "at best threshold", "AUROC", "calibration error"]
    about = f"Measured {plain(str(content.checker_about['measured']))}; {plain(str(content.checker_about['note']))}."
    return ["## The judge", about, table(head, rows)]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _failing(content: Content) -> list[str]:
    failing = [case for case in content.shown if case.failed]
    told = [f"{content.failed} of {content.cases} fail by the score each suite is about."]
    told.extend(_case(case.record, case.leading) for case in failing[:MOST_FAILING])
    if content.failed > MOST_FAILING:
        told.append(f"… and {content.failed - MOST_FAILING} more in results.jsonl.")
    return told


def _case(record: Record, leading: str) -> str:
    score = record.scores[leading]
    answer = plain(record.reply["short"] or record.reply["text"])[:300] or "nothing"
    return (
        f"- **{plain(record.case.question)}** ({plain(record.case.kind)}, `{plain(record.case.id)}`)\n"
        f"  - {BY_NAME[leading].title}: {plain(score.reason)}\n  - {record.reply['status']}: {answer}"
    )


def _joined_lists(parts: Iterable[str]) -> list[str]:
    """Items of a list one below the other, other parts with a line between."""
    joined: list[str] = []
    for part in parts:
        if joined and part.startswith("- ") and joined[-1].startswith("- "):
            joined[-1] += f"\n{part}"
        else:
            joined.append(part)
    return joined
