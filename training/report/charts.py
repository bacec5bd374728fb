"""Curves as one SVG picture: a panel for each, in a grid.

Shapes
    N  points of a curve
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

from training.report.history import Curve

WIDTH, HEIGHT = 320, 190
"""Size of a panel in pixels, labels included."""

COLUMNS = 3
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 26, 24
SMOOTHING = 25
"""The dark line is a running mean over one part in so many of the curve; the light one is the curve."""

HIGHEST = 0.98
"""Share of the points that the vertical axis has room for: the first steps would flatten all others."""

STYLE = (
    "text{font:11px system-ui,sans-serif;fill:#444}.title{font-weight:600;fill:#111}"
    ".grid{stroke:#e3e3e3}.raw{stroke:#9ec9e8;fill:none}.mean{stroke:#0072b2;stroke-width:2;fill:none}"
    ".dot{fill:#0072b2}"
)


def chart_grid(curves: Mapping[str, Curve]) -> str:
    """SVG document with a panel for each curve."""
    columns = min(COLUMNS, max(len(curves), 1))
    rows = math.ceil(len(curves) / columns)
    panels = "".join(
        f'<g transform="translate({i % columns * WIDTH} {i // columns * HEIGHT})">{_panel(title, curve)}</g>'
        for i, (title, curve) in enumerate(curves.items())
    )
    width, height = columns * WIDTH, rows * HEIGHT
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'style="max-width:{width}px" role="img"><style>{STYLE}</style>{panels}</svg>'
    )


def _panel(title: str, curve: Curve) -> str:
    values = sorted(value for _, value in curve)
    highest = values[math.ceil(HIGHEST * (len(values) - 1))]
    low, high = min(0.0, values[0]), max(highest, values[0] + 1e-9)
    ticks = _ticks(low, high)
    low, high = min(low, ticks[0]), max(high, ticks[-1])
    last = max(curve[-1][0], 1)

    def x(step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * step / last

    def y(value: float) -> float:
        share = (min(value, high) - low) / (high - low)
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share

    parts = [f'<text class="title" x="{LEFT}" y="15">{escape(title)}</text>']
    for tick in ticks:
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>'
            f'<text x="{LEFT - 5}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>'
        )
    for step, anchor in ((0, "start"), (last, "end")):
        parts.append(f'<text x="{x(step):.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}">{step}</text>')
    if len(curve) == 1:
        parts.append(f'<circle class="dot" cx="{x(curve[0][0]):.1f}" cy="{y(curve[0][1]):.1f}" r="3"/>')
    for kind, points in (("raw", curve), ("mean", _running_mean(curve))):
        line = " ".join(f"{x(step):.1f},{y(value):.1f}" for step, value in points)
        parts.append(f'<polyline class="{kind}" points="{line}"/>')
    return "".join(parts)


def _running_mean(curve: Curve) -> Sequence[tuple[int, float]]:
    half = len(curve) // SMOOTHING // 2
    smooth = []
    for i, (step, _) in enumerate(curve):
        window = [value for _, value in curve[max(0, i - half) : i + half + 1]]
        smooth.append((step, sum(window) / len(window)))
    return smooth


def _ticks(low: float, high: float) -> list[float]:
    """Three to six round numbers that span an interval from below."""
    rough = (high - low) / 4
    unit = 10 ** math.floor(math.log10(rough))
    step = next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= rough)
    first = math.floor(low / step)
    return [round(i * step, 10) for i in range(first, math.ceil(high / step - 1e-9) + 1)]
