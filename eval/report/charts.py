"""Charts as inline SVG: intervals on a line, curves, reliability, bars.

Colours and fonts come from the page's style sheet by class, so that a chart follows light and
dark; nothing but numbers and escaped labels is put into the markup.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from eval.interval import Estimate
from eval.scores.abstention import Curve
from eval.scores.calibration import Bin

WIDTH, HEIGHT = 420, 300
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 12, 44
"""Room around the plot, for the axes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One curve with its name."""

    name: str
    """Name in the legend."""
    curve: Curve
    """The curve."""
    place: int
    """Which of the page's series colours it has, from 0."""


def interval(estimate: Estimate, *, others: Sequence[float] = (), label: str = "") -> Markup:
    """A figure 0..1 with its interval on a line, as wide as there is room; `others` are ticks to compare with."""
    ticks = Markup("").join(
        Markup('<line class="tick" x1="{x}%" x2="{x}%" y1="4" y2="16"/>').format(x=_percent(value)) for value in others
    )
    return Markup(
        '<svg class="interval" width="100%" height="20" role="img" aria-label="{label}">'
        '<line class="axis" x1="0" x2="100%" y1="10" y2="10"/>{ticks}'
        '<line class="range" x1="{low}%" x2="{high}%" y1="10" y2="10"/>'
        '<circle class="dot" cx="{value}%" cy="10" r="4.5"/></svg>'
    ).format(
        label=label or f"{estimate}",
        ticks=ticks,
        low=_percent(estimate.low),
        high=_percent(estimate.high),
        value=_percent(estimate.value),
    )


def bar(value: float, most: float, *, to: float | None = None, label: str = "") -> Markup:
    """A bar from 0 to a value, with a thin line to a higher one, on a scale that ends at `most`."""
    scale = 100 / most if most > 0 else 0
    thin = Markup("")
    if to is not None:
        thin = Markup('<line class="range thin" x1="{x}%" x2="{y}%" y1="10" y2="10"/>').format(
            x=f"{value * scale:.2f}", y=f"{to * scale:.2f}"
        )
    return Markup(
        '<svg class="bar" width="100%" height="20" role="img" aria-label="{label}">'
        '<rect class="fill" x="0" y="4" width="{width}%" height="12" rx="2"/>{thin}</svg>'
    ).format(label=label, width=f"{value * scale:.2f}", thin=thin)


def risk_coverage(lines: Sequence[Line], chosen: tuple[float, float] | None = None) -> Markup:
    """Risk against coverage of some systems; `chosen` is where a system stands that has made its choice."""
    most = max((point.risk for line in lines for point in line.curve.points), default=1.0)
    top = next(step for step in (0.1, 0.2, 0.25, 0.5, 1.0) if most <= step)
    drawn = [_path(line, top) for line in lines]
    mark = Markup("")
    if chosen:
        mark = Markup(
            '<g class="chosen"><circle cx="{x}" cy="{y}" r="6"/><title>as shipped: coverage {c}, risk {r}</title></g>'
        ).format(x=_x(chosen[0]), y=_y(min(1.0, chosen[1] / top)), c=f"{chosen[0]:.2f}", r=f"{chosen[1]:.2f}")
    axes = _axes("share of the questions answered", "of these, not in the sources", top)
    return _svg("Risk against coverage", axes, *drawn, mark)


def reliability(own: Sequence[Bin]) -> Markup:
    """What was said against what was so; a dot's area goes with the number of cases in it."""
    most = max((one.n for one in own), default=1)
    dots = [
        Markup('<circle class="series-0 bubble" cx="{x}" cy="{y}" r="{r}"><title>{title}</title></circle>').format(
            x=_x(one.said),
            y=_y(one.so),
            r=f"{3 + 11 * (one.n / most) ** 0.5:.1f}",
            title=f"said {one.said:.2f}, so {one.so:.2f}, n = {one.n}",
        )
        for one in own
    ]
    diagonal = Markup('<line class="diagonal" x1="{a}" y1="{b}" x2="{c}" y2="{d}"/>').format(
        a=_x(0), b=_y(0), c=_x(1), d=_y(1)
    )
    return _svg("Reliability", _axes("probability said", "share that was so", 1.0), diagonal, *dots)


# ── parts ────────────────────────────────────────────────────────────────────────────────


def _path(line: Line, top: float) -> Markup:
    # between two thresholds nothing can be had: the curve goes in steps of whole questions
    points = [(_x(point.coverage), _y(point.risk / top)) for point in line.curve.points]
    first = line.curve.points[0]
    points.insert(0, (_x(0), _y(first.risk / top)))
    d = "M" + " L".join(f"{x} {y}" for x, y in points)
    return Markup('<path class="curve series-{place}" d="{d}"><title>{name}</title></path>').format(
        place=line.place, d=d, name=line.name
    )


def _svg(label: str, *parts: Markup) -> Markup:
    return Markup('<svg class="chart" viewBox="0 0 {w} {h}" role="img" aria-label="{label}">{inner}</svg>').format(
        w=WIDTH, h=HEIGHT, label=label, inner=Markup("").join(parts)
    )


def _axes(below: str, beside: str, top: float) -> Markup:
    parts = []
    # round numbers at the lines: 0.1 in fifths, 0.2 and 1 in quarters
    steps = 4 if top in (0.2, 1.0) else 5
    for step in range(steps + 1):
        share = step / steps
        parts.append(
            Markup(
                '<line class="grid" x1="{l}" x2="{r}" y1="{y}" y2="{y}"/>'
                '<text class="at-y" x="{tx}" y="{ty}">{vy}</text><text class="at-x" x="{x}" y="{bx}">{vx}</text>'
            ).format(
                l=LEFT, r=WIDTH - RIGHT, y=_y(share), tx=LEFT - 6, ty=f"{float(_y(share)) + 4:.1f}",
                vy=_number(share * top), x=_x(share), bx=HEIGHT - BOTTOM + 16, vx=_number(share),
            )
        )  # fmt: skip
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(
        Markup(
            '<text class="title-x" x="{x}" y="{y}">{below}</text>'
            '<text class="title-y" x="{m}" y="14" transform="rotate(-90)">{beside}</text>'
        ).format(x=(LEFT + WIDTH - RIGHT) / 2, y=HEIGHT - 8, below=below, m=-middle, beside=beside)
    )
    return Markup("").join(parts)


def _number(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") or "0"


def _percent(value: float) -> str:
    return f"{100 * min(1.0, max(0.0, value)):.2f}"


def _x(share: float) -> str:
    return f"{LEFT + share * (WIDTH - LEFT - RIGHT):.1f}"


def _y(share: float) -> str:
    return f"{HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM):.1f}"
