"""The report as plain values for a program: scores apart from times, so that the former can be compared."""

from dataclasses import asdict
from typing import Any

from eval.report.content import Content
from eval.scores.cost import Spread
from eval.summary import Figure, Summary


def scores(content: Content) -> dict[str, Any]:
    """Everything that is scored; the same for two runs of the same versions on the same articles."""
    return {
        "run": content.run.header,
        "finished": content.finished,
        "suites": [
            {"suite": part.suite, "cases": part.cases, "systems": [_summary(own) for own in part.summaries]}
            for part in content.parts
        ],
        "failing": [case.record.case.id for case in content.shown if case.failed],
        "checker": {**content.checker_about, "judgements": [asdict(own) for own in content.judgements]},
    }


def times(content: Content) -> dict[str, Any]:
    """When it was begun, and what it cost."""
    return {
        "began": content.run.began,
        "cost": [
            {"suite": own.suite, "system": own.system, "stages": {name: _spread(one) for name, one in own.cost.items()}}
            for part in content.parts
            for own in part.summaries
        ],
    }


def _summary(own: Summary) -> dict[str, Any]:
    return {
        "system": own.system,
        "figures": {name: _figure(figure) for name, figure in own.figures.items()},
        "kinds": {kind: _estimates(figures) for kind, figures in own.kinds.items()},
        "turns": {str(turn): _estimates(figures) for turn, figures in own.turns.items()},
        "statuses": own.sides,
        "curve": asdict(own.curve) if own.curve else None,
    }


def _figure(figure: Figure) -> dict[str, Any]:
    estimate = asdict(figure.estimate) if figure.estimate else None
    return {"estimate": estimate, "unscored": figure.unscored, "not_applicable": figure.not_applicable}


def _estimates(figures: dict[str, Figure]) -> dict[str, Any]:
    return {name: asdict(figure.estimate) for name, figure in figures.items() if figure.estimate}


def _spread(spread: Spread) -> dict[str, Any]:
    return asdict(spread)
