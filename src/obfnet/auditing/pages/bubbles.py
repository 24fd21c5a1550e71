"""Accuracy against leakage as inline SVG, one dot for each transform, as big as it is costly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from obfnet.auditing.comparison import Compared, front
from obfnet.auditing.pages.html import Markup

WIDTH, HEIGHT = 760, 460
LEFT, RIGHT, TOP, BOTTOM = 64, 150, 24, 56
SMALLEST, GREATEST = 5.0, 20.0
LINE = 14


def plot(compared: Sequence[Compared]) -> Markup:
    """An ``<svg>``: leakage to the right from 0 to 1, accuracy upwards, whiskers of 95 %.

    The area of a dot grows with the logarithm of the MACs; a ring is a transform whose cost is
    not known. The dashed line joins those that no other beats in both.
    """
    accuracies = [end for each in compared for end in _ends(each, "accuracy")]
    spare = max(0.02, 0.1 * (max(accuracies) - min(accuracies)))
    low, high = max(0.0, min(accuracies) - spare), min(1.0, max(accuracies) + spare)

    def along(leakage: float) -> float:
        return LEFT + leakage * (WIDTH - LEFT - RIGHT)

    def up(accuracy: float) -> float:
        return HEIGHT - BOTTOM - (accuracy - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    radii = _radii(compared)
    dots = "".join(
        _dot(each, along(each.leakage), up(each.accuracy), radius)
        + _whiskers([along(end) for end in _ends(each, "leakage")], up(each.accuracy))
        + _whiskers([up(end) for end in _ends(each, "accuracy")], along(each.leakage), True)
        for each, radius in zip(compared, radii, strict=True)
    )
    places = [(along(each.leakage), up(each.accuracy)) for each in compared]
    labels = "".join(
        f'<text x="{x:.1f}" y="{y:.1f}">{escape(each.name)}</text>'
        for each, (x, y) in zip(compared, _labels(compared, places, radii), strict=True)
    )
    corners = " ".join(
        f"{along(each.leakage):.1f},{up(each.accuracy):.1f}" for each in front(compared)
    )
    line = f'<polyline points="{corners}" fill="none" stroke="#888" stroke-dasharray="5 4"/>'
    told = "; ".join(
        f"{each.name}: leakage {each.leakage:.3f}, accuracy {each.accuracy:.1%}"
        for each in compared
    )
    return Markup(
        f'<svg role="img" aria-label="Accuracy against leakage. {escape(told)}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" font-size="12">'
        f"{_axes(low, high, along(0), along(1))}{line}{dots}{labels}</svg>"
    )


def _dot(each: Compared, x: float, y: float, radius: float) -> str:
    fill = "var(--ink)" if _macs(each) else "none"
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{fill}" fill-opacity=".55" '
        f'stroke="var(--ink)"><title>{escape(each.name)}</title></circle>'
    )


def _whiskers(ends: Sequence[float], across: float, upright: bool = False) -> str:
    one, other = ends
    path = (
        f"M{across:.1f} {one:.1f}V{other:.1f}"
        if upright
        else f"M{one:.1f} {across:.1f}H{other:.1f}"
    )
    return f'<path d="{path}" stroke="var(--ink)" fill="none"/>'


def _axes(low: float, high: float, start: float, end: float) -> str:
    floor = HEIGHT - BOTTOM
    parts = [f'<path d="M{start} {TOP}V{floor}H{end}" fill="none" stroke="#888"/>']
    for step in range(5):
        share = step / 4
        x, y = start + share * (end - start), floor - share * (floor - TOP)
        parts.append(
            f'<text x="{x:.1f}" y="{floor + 18}" text-anchor="middle">{share:g}</text>'
            f'<text x="{start - 8}" y="{y + 4:.1f}" text-anchor="end">'
            f"{low + share * (high - low):.1%}</text>"
        )
    middle = (start + end) / 2
    parts.append(
        f'<text x="{middle}" y="{HEIGHT - 14}" text-anchor="middle">leakage of the best attack: '
        "0 = label only, 1 = no protection</text>"
        f'<text transform="rotate(-90)" x="{-(TOP + floor) / 2}" y="13" text-anchor="middle">'
        "accuracy of the InfNet on x'</text>"
    )
    return "".join(parts)


def _labels(
    compared: Sequence[Compared], places: Sequence[tuple[float, float]], radii: Sequence[float]
) -> list[tuple[float, float]]:
    """Where names are written: right of their dots, moved down where one would hide another."""
    taken: list[tuple[float, float, float]] = []
    found = [(0.0, 0.0)] * len(compared)
    for at in sorted(range(len(compared)), key=lambda position: places[position][1]):
        x, y = places[at][0] + radii[at] + 4, places[at][1] + 4
        width = 7.0 * len(compared[at].name)
        while any(
            abs(y - other) < LINE and x < end and start < x + width for start, end, other in taken
        ):
            y += LINE
        taken.append((x, x + width, y))
        found[at] = (x, y)
    return found


def _radii(compared: Sequence[Compared]) -> list[float]:
    known = [math.log10(macs) for each in compared if (macs := _macs(each))]
    if not known:
        return [SMALLEST] * len(compared)
    low, spread = min(known), (max(known) - min(known)) or 1.0

    def radius(each: Compared) -> float:
        macs = _macs(each)
        if not macs:
            return SMALLEST
        share = (math.log10(macs) - low) / spread
        return math.sqrt(SMALLEST**2 + share * (GREATEST**2 - SMALLEST**2))

    return [radius(each) for each in compared]


def _macs(each: Compared) -> int:
    return int(each.row.get("macs") or 0)


def _ends(each: Compared, name: str) -> tuple[float, float]:
    low, high = each.row.get(f"{name}_ci") or (each.row[name], each.row[name])
    return float(low), float(high)
