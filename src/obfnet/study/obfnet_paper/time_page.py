"""Results and page of times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from obfnet import files
from obfnet.study import results
from obfnet.study.obfnet_paper.page import document
from obfnet.study.plot import Point, scatter
from obfnet.study.sheet import Columns, table
from obfnet.study.study import Ask

Row = Mapping[str, Any]

TITLE = "The ObfNet paper's times again"
NOTE = (
    "The device is one pinned thread of this machine, the backend our server on loopback on the "
    "same machine; the paper's were a Coral board and a Jetson with a graphics processor. Nets "
    "are untrained: their time does not depend on their weights. Medians, with the least and the "
    "greatest."
)


#: Whichever a row has.
SPREADS = ("edge_ms", "per_sample_ms", "transmission_ms")


def _times(row: Row) -> str:
    times = row[next((name for name in SPREADS if name in row), "edge_ms")]
    return f"[{times['min']:.3f}, {times['max']:.3f}]"


TIMED: Columns = {
    "paper's": lambda row: row["figure"],
    "what": lambda row: row["subject"],
    "data": lambda row: row["dataset"],
    "value": lambda row: f"{row['value']:.4g}",
    "[least, greatest]": _times,
    "unit": lambda row: row["unit"],
    "beside": lambda row: row["baseline"],
    "its value": lambda row: f"{row['baseline_value']:.4g}",
    "times better": lambda row: f"{row['ratio']:.3g}",
    "parameters": lambda row: f"{row['params']:,}",
    "bytes": lambda row: f"{row['bytes']:,}",
    "what differs": lambda row: row["differs"],
}


def publish(ask: Ask, rows: Sequence[Row], seconds: float) -> Path:
    """Write ``results.json`` and ``index.html``; returns the former's path."""
    path = results.write(ask.folder, ask.command, rows, seconds)
    content = results.read(path)
    files.write(ask.folder / "index.html", document(content, TITLE, NOTE, body(rows)))
    return path


def body(rows: Sequence[Row]) -> str:
    """Table and plots of ``rows``."""
    return table(TIMED, rows) + "".join(
        _plot(rows, figure, along, x_title, y_title)
        for figure, along, x_title, y_title in (
            ("Fig. 15", "batch", "samples in one request", "ms per sample"),
            ("Fig. 16", "mbit_s", "Mbit/s", "ms of transmission"),
        )
    )


def _plot(rows: Sequence[Row], figure: str, along: str, x_title: str, y_title: str) -> str:
    plots = ""
    for data in dict.fromkeys(row["dataset"] for row in rows):
        points = [
            Point(row[along], row["value"], f"{row[along]:g}", True)
            for row in rows
            if row["figure"] == figure and row["dataset"] == data
        ]
        if points:
            plots += scatter(points, x_title, f"{figure}, {data}: {y_title}", ".2g")
    return plots
