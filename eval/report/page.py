"""The page: a report as one HTML file that needs nothing from outside and runs no script but its own.

Articles, questions and models' words are untrusted: the template escapes all of them, and the
page's policy forbids every script and style but the two whose hashes it names.
"""

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from eval.interval import Estimate
from eval.report import charts
from eval.report.content import FAMILIES, Content, Part, trust
from eval.scores.cost import Spread
from eval.scoring import BY_NAME, MEASURES, Measure
from eval.summary import Figure, Summary

HERE = Path(__file__).parent
STATUSES = ("answered", "partial", "abstained", "clarify")
TILES = ("right", "answered", "refused", "span_exact", "grounded", "rouge_l", "ndcg_at_10", "hit_at_5", "rewrite_f1")
"""Scores at a glance, those that a suite has, at most MOST_TILES."""
MOST_TILES = 6


class Row(NamedTuple):
    """A line of a chart of intervals."""

    label: str
    estimate: Estimate
    lead: bool


def render(content: Content) -> str:
    """The report as HTML."""
    style, script = _asset("page.css"), _asset("page.js")
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            content=content,
            headline=headline(content),
            lede=lede(content),
            families={name: title for name, title in FAMILIES.items() if _has(content, name)},
            by_name=BY_NAME,
            measures=MEASURES,
            statuses=STATUSES,
            kinds=sorted({case.record.case.kind for case in content.shown}),
            trust_checker=trust(content.judgements, "checker"),
            trust_lexical=trust(content.judgements, "lexical"),
            version_rows=version_rows(content),
            # ours, not text: escaped they would be no style and no script
            style=Markup(style),
            script=Markup(script),
            policy=policy(style, script),
        )
    )


def policy(style: str, script: str) -> str:
    """Content-Security-Policy of the page: nothing is loaded, and nothing runs but what is named by its hash."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def headline(content: Content) -> str:
    """What a reader should take away, in a sentence."""
    part = content.parts[0]
    estimate = part.lead.value(part.leading)
    who = "The assistant" if part.lead.system == "assistant" else part.lead.system
    if estimate is None:
        return f"{who} on {part.cases} questions"
    if part.leading != "right":
        return f"{who}: {BY_NAME[part.leading].title} {estimate.value:.3f} over {estimate.n} questions"
    return f"{who} is right on {round(estimate.value * estimate.n)} of {estimate.n} questions"


def lede(content: Content) -> str:
    """The sentence below it: beside whom, and how sure."""
    part = content.parts[0]
    estimate = part.lead.value(part.leading)
    told = f"{part.about[0].upper()}{part.about[1:]}."
    if len(content.parts) > 1:
        told = f"The questions of {part.suite}; {len(content.parts) - 1} more suites below."
    if estimate:
        told += f" The 95 % interval goes from {estimate.low:.3f} to {estimate.high:.3f}."
    best = max(
        ((own.value(part.leading), own.system) for own in part.summaries[1:] if own.value(part.leading)),
        key=lambda pair: pair[0].value if pair[0] else 0.0,
        default=None,
    )
    if best and best[0]:
        told += f" The best of the others, {best[1]}, reaches {best[0].value:.3f}."
    return told


def version_rows(content: Content) -> list[tuple[str, str]]:
    """What the scores depend on, flat, for a table."""
    rows = [
        (f"suite {suite['name']}", f"cases {suite['fingerprint']['cases']}, articles {suite['fingerprint']['articles']} "
         f"({suite['cases']} cases, {suite['documents']} articles in {suite['corpora']} corpora)")
        for suite in content.run.header["suites"]
    ]  # fmt: skip
    for name, value in content.versions.items():
        told = ", ".join(f"{key} {own}" for key, own in value.items()) if isinstance(value, dict) else str(value)
        rows.append((name, told))
    return rows


# ── rows of charts ───────────────────────────────────────────────────────────────────────


def system_rows(part: Part, measure: str) -> list[Row]:
    """One line a system."""
    return [Row(own.system, estimate, own is part.lead) for own in part.summaries if (estimate := own.value(measure))]


def suite_rows(parts: Sequence[Part]) -> list[Row]:
    """One line a suite: its leading score of its leading system."""
    rows = [(part, part.lead.value(part.leading)) for part in parts]
    return [Row(f"{part.suite} · {BY_NAME[part.leading].title}", estimate, True) for part, estimate in rows if estimate]


def kind_rows(part: Part, measure: str) -> list[Row]:
    """One line a kind of question, of the leading system."""
    return [Row(kind, estimate, True) for kind, estimate in _estimates(part.lead.kinds, measure)]


def turn_rows(part: Part, measure: str) -> list[Row]:
    """One line a turn, of the leading system."""
    return [Row(f"turn {turn}", estimate, True) for turn, estimate in _estimates(part.lead.turns, measure)]


def _estimates(groups: Any, measure: str) -> list[tuple[Any, Estimate]]:
    own: dict[Any, dict[str, Figure]] = groups
    return [(name, estimate) for name, figures in own.items() if (estimate := figures[measure].estimate)]


def curve_lines(part: Part) -> list[charts.Line]:
    """The curves of the systems that say how sure they are."""
    own = [summary for summary in part.summaries if summary.curve]
    return [
        charts.Line(name=summary.system, curve=summary.curve, place=min(place, 3))
        for place, summary in enumerate(own)
        if summary.curve
    ]


def operating_point(part: Part) -> tuple[float, float] | None:
    """Coverage and risk of the leading system as it answers; None where no question tells."""
    answered = {side: row.get("answered", 0) for side, row in part.lead.sides.items() if side != "either"}
    asked = sum(sum(row.values()) for side, row in part.lead.sides.items() if side != "either")
    given = sum(answered.values())
    if not asked or not given:
        return None
    return given / asked, (given - answered.get("answerable", 0)) / given


def tiles(part: Part) -> list[Measure]:
    """The scores shown large."""
    return [BY_NAME[name] for name in TILES if part.lead.value(name)][:MOST_TILES]


def seconds(summary: Summary) -> list[tuple[str, Spread]]:
    """The stages that take time, the total last."""
    stages = [(stage, own) for stage, own in summary.cost.items() if not own.counts]
    return sorted(stages, key=lambda item: item[0] == "total")


def counted(part: Part) -> list[str]:
    """Names of what is counted and not timed: tokens and calls of a language model."""
    return list(dict.fromkeys(name for own in part.summaries for name, spread in own.cost.items() if spread.counts))


def _has(content: Content, family: str) -> bool:
    return any(
        part.measures(family) or (family == "conversation" and len(part.lead.turns) > 1) for part in content.parts
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _asset(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals.update(
        interval=charts.interval,
        bar=charts.bar,
        risk_coverage=charts.risk_coverage,
        reliability=charts.reliability,
        suite_rows=suite_rows,
        system_rows=system_rows,
        kind_rows=kind_rows,
        turn_rows=turn_rows,
        curve_lines=curve_lines,
        operating_point=operating_point,
        tiles=tiles,
        seconds=seconds,
        counted=counted,
    )
    return environment
