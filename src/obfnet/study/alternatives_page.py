"""The columns of the table of alternatives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

Row = Mapping[str, Any]


def _attributes(row: Row) -> str:
    return ", ".join(
        f"{name} {found['accuracy']:.0%} (label {found['label_only']:.0%})"
        for name, found in row["attributes"].items()
    )


def _leakage(row: Row) -> str:
    if "leakage" not in row:
        return "encrypted"
    low, high = row["leakage_ci"]
    return f"{row['leakage']:.3f} [{low:.3f}, {high:.3f}]"


def _median(name: str) -> Callable[[Row], str]:
    return lambda row: f"{row[name]['median']:.3g}"


def _count(name: str) -> Callable[[Row], str]:
    return lambda row: f"{row[name]:,}"


COLUMNS: Mapping[str, Callable[[Row], str]] = MappingProxyType(
    {
        "data": lambda row: row["dataset"],
        "what is sent": lambda row: row["obfnet"],
        "what the backend changes": lambda row: row["backend_change"],
        "accuracy [95 %]": lambda row: (
            f"{row['accuracy']:.2%} [{row['accuracy_ci'][0]:.2%}, {row['accuracy_ci'][1]:.2%}]"
        ),
        "drop": lambda row: f"{100 * row['drop']:+.2f} pt",
        "leakage [95 %]": _leakage,
        "best attack": lambda row: row["best_attack"],
        "private attributes": _attributes,
        "certified bits": lambda row: f"{row['certified_bits']:.2f}",
        "device ms": _median("edge_ms"),
        "backend ms": _median("backend_ms"),
        "bytes up": _count("request_bytes"),
        "bytes down": _count("response_bytes"),
        "bytes once": _count("once_bytes"),
        "attacked on": _count("evaluated"),
        "encrypted": _count("encrypted"),
    }
)
