"""One self-contained HTML page: the table, what it means, and pictures of what leaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from obfnet.auditing.pages.pictures import data_uri
from obfnet.auditing.report import Report
from obfnet.auditing.shown import shown
from obfnet.data.dataset import Dataset
from obfnet.study.table import COLUMNS, cells

Row = Mapping[str, Any]


def render(data: Dataset, rows: Sequence[Row], reports: Sequence[Report], command: str) -> str:
    """The page of a demo, with every picture inside it.

    Args:
        data: the dataset, for range and licence.
        rows: results rows.
        reports: the audit of each row.
        command: how to make the page again.
    """
    page = Template(files("obfnet.study").joinpath("page.html").read_text("utf-8"))
    return page.substitute(
        title=f"obfnet demo: {escape(data.name)}",
        count=len(data),
        dataset=escape(data.name),
        licence=escape(data.licence),
        head="".join(f'<th scope="col">{escape(column.title)}</th>' for column in COLUMNS),
        body="".join(_table_row(row) for row in rows),
        pictures="".join(
            _pictures(row, report, data) for row, report in zip(rows, reports, strict=True)
        ),
        command=escape(command),
    )


def _table_row(row: Row) -> str:
    name, *values = cells(row)
    return (
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(f"<td>{escape(value)}</td>" for value in values)
        + "</tr>"
    )


def _pictures(row: Row, report: Report, data: Dataset) -> str:
    pictures = shown(report)
    lines = {
        "x, what the sensor saw": pictures.original,
        "x', what the backend sees": pictures.released,
        "the attacker's best reconstruction": pictures.reconstruction,
        "an attacker who knows only the label": pictures.floor,
    }
    if row["obfnet"] == "raw":
        del lines["x', what the backend sees"]
    figures = "".join(
        f"<figure><figcaption>{escape(caption)}</figcaption><div>"
        + "".join(
            f'<img alt="sample {position + 1}: {escape(caption)}" '
            f'src="{data_uri(sample, data.spec)}">'
            for position, sample in enumerate(samples)
        )
        + "</div></figure>"
        for caption, samples in lines.items()
    )
    return f"<section><h3>{escape(str(row['obfnet']))}</h3>{figures}</section>"
