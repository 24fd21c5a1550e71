"""The columns that every table of transforms shows, on a terminal and on a page."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
ABSENT = "-"


@dataclass(frozen=True)
class Column:
    """A title and how to write a row's cell."""

    title: str
    cell: Callable[[Row], str]


def _percent(value: float) -> str:
    return f"{value:.1%}" if value < 0.9 else f"{value:.2%}"


def _accuracy(row: Row) -> str:
    return _percent(row["accuracy"])


def _drop(row: Row) -> str:
    return f"{100 * row['drop']:+.2f} pt"


def _leakage(row: Row) -> str:
    low, high = row["leakage_ci"]
    return f"{row['leakage']:.3f} [{low:.3f}, {high:.3f}]"


def _attributes(row: Row) -> str:
    return (
        ", ".join(
            f"{name} {found['accuracy']:.0%} (chance {found['chance']:.0%})"
            for name, found in row["attributes"].items()
        )
        or ABSENT
    )


def _bits(row: Row) -> str:
    if "mechanism" not in row:
        return ABSENT
    bits = row["certified_bits"]
    return "none" if bits is None or math.isinf(bits) else f"{bits:.2f}"


def _count(name: str) -> Callable[[Row], str]:
    return lambda row: f"{row[name]:,}" if name in row else ABSENT


def _median(name: str) -> Callable[[Row], str]:
    return lambda row: f"{row[name]['median']:.3g}" if name in row else ABSENT


COLUMNS = (
    Column("samples sent", lambda row: str(row["obfnet"])),
    Column("accuracy", _accuracy),
    Column("drop", _drop),
    Column("leakage [95 % interval]", _leakage),
    Column("private attributes", _attributes),
    Column("certified bits", _bits),
    Column("parameters", _count("params")),
    Column("bytes sent", _count("request_bytes")),
    Column("ms on the edge", _median("edge_ms")),
    Column("round trip ms", _median("round_trip_ms")),
)


def cells(row: Row) -> list[str]:
    """The cells of ``row``, one for each of ``COLUMNS``."""
    return [column.cell(row) for column in COLUMNS]
