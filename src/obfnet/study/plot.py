"""A scatter plot as inline SVG: no script, no download, readable in print."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, MARGIN = 560, 340, 56


@dataclass(frozen=True)
class Point:
    """A dot.

    Args:
        x: above 0; the axis is logarithmic.
        y: a fraction.
        label: written beside it.
        filled: whether it is a full dot or a ring.
    """

    x: float
    y: float
    label: str
    filled: bool


def scatter(points: Sequence[Point], x_title: str, y_title: str, form: str = ".0%") -> str:
    """An ``<svg>`` of ``points`` with a logarithmic x axis and a linear y axis.

    Args:
        points: at least one.
        x_title: of the x axis.
        y_title: of the y axis.
        form: of its numbers, by default per cent.
    """
    lows, highs = _range([math.log10(point.x) for point in points])
    bottom, top = _range([point.y for point in points])

    def place(point: Point) -> tuple[float, float]:
        along = (math.log10(point.x) - lows) / (highs - lows)
        up = (point.y - bottom) / (top - bottom)
        return (
            MARGIN + along * (WIDTH - 2 * MARGIN),
            HEIGHT - MARGIN - up * (HEIGHT - 2 * MARGIN),
        )

    dots = ""
    for point in points:
        x, y = place(point)
        fill = "#246" if point.filled else "none"
        dots += f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{fill}" stroke="#246"/>'
        if point.filled:
            dots += f'<text x="{x + 8:.1f}" y="{y + 4:.1f}">{escape(point.label)}</text>'
    axes = (
        f'<path d="M{MARGIN} {MARGIN / 2}V{HEIGHT - MARGIN}H{WIDTH - MARGIN / 2}" fill="none" '
        f'stroke="#888"/><text x="{WIDTH / 2}" y="{HEIGHT - 12}" text-anchor="middle">'
        f"{escape(x_title)}, {10**lows:.3g} to {10**highs:.3g}, logarithmic</text>"
        f'<text transform="rotate(-90)" x="{-HEIGHT / 2}" y="16" text-anchor="middle">'
        f"{escape(y_title)}</text>"
        f'<text x="{MARGIN - 6}" y="{HEIGHT - MARGIN}" text-anchor="end">{bottom:{form}}</text>'
        f'<text x="{MARGIN - 6}" y="{MARGIN}" text-anchor="end">{top:{form}}</text>'
    )
    return (
        f'<svg role="img" aria-label="{escape(y_title)} against {escape(x_title)}" '
        f'width="{WIDTH}" height="{HEIGHT}" font-size="12">{axes}{dots}</svg>'
    )


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    spare = 0.08 * (high - low) or 0.05
    return low - spare, high + spare
