"""The table of docs/export.md, in Markdown, from the rows of ``obfnet bench edge``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
_FORMS = ("float32", "dynamic-int8", "int8", "C")


def table(rows: Sequence[Row]) -> str:
    """Bytes, accuracy through the InfNet, and microseconds, by ObfNet and form."""
    lines = ["| | " + " | ".join(_FORMS) + " |", "|---|" + "---|" * len(_FORMS)]
    for name in dict.fromkeys(_title(row) for row in rows if row.get("unit") == "bytes"):
        own = [row for row in rows if _title(row) == name]
        lines += [
            _line(f"{name}: encoder and table, bytes", own, _bytes),
            _line(f"{name}: right through the InfNet", own, _accuracy),
            _line(f"{name}: µs in onnxruntime, everything", own, _microseconds),
        ]
    return "\n".join(lines) + "\n"


def _title(row: Row) -> str:
    """Which of our ObfNets a row is of: label and dataset."""
    title: str = row["subject"].split(",")[0]
    return title


def _line(title: str, rows: Sequence[Row], cell: Callable[[Sequence[Row], str], str]) -> str:
    return f"| {title} | " + " | ".join(cell(rows, form) for form in _FORMS) + " |"


def _bytes(rows: Sequence[Row], form: str) -> str:
    starts = ", C," if form == "C" else f", {form}, encoder"
    found = [row["bytes"] for row in rows if "bytes" in row and starts in row["subject"]]
    return f"{found[0]:,}" if found else "-"


def _accuracy(rows: Sequence[Row], form: str) -> str:
    known = [row for row in rows if "baseline_accuracy" in row]
    if form == "float32":
        found = [row["baseline_accuracy"] for row in known]
    else:
        found = [row["accuracy"] for row in known if f", {form}, " in row["subject"]]
    return f"{found[0]:.2%}" if found else "-"


def _microseconds(rows: Sequence[Row], form: str) -> str:
    ends = f"all of it, onnxruntime {form}"
    found = [row["value"] for row in rows if row["subject"].endswith(ends)]
    return f"{found[0]:.0f}" if found else "-"
