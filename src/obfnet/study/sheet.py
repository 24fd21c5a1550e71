"""Any results file as one self-contained page: a table, plots, and how it was made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from obfnet import files
from obfnet.study import results
from obfnet.study.audited import AUDITED, attacks_table
from obfnet.study.plot import Point, scatter

Row = Mapping[str, Any]
Columns = Mapping[str, Callable[[Row], str]]

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; } th, td { padding: .3rem .7rem; text-align: right; }
th { border-bottom: 2px solid; vertical-align: bottom; } td { border-bottom: 1px solid #ccc; }
td:nth-child(-n+2), th:nth-child(-n+2) { text-align: left; } code { background: #eee; }
"""


def _percent(name: str) -> Callable[[Row], str]:
    return lambda row: f"{row[name]:.2%}"


def _interval(name: str, form: str) -> Callable[[Row], str]:
    def write(row: Row) -> str:
        low, high = row[f"{name}_ci"]
        return f"{row[name]:{form}} [{low:{form}}, {high:{form}}]"

    return write


FORGED: Columns = {
    "data": lambda row: row["dataset"],
    "InfNet and split": lambda row: f"{row['infnet']}; {row['split']}",
    "ObfNet": lambda row: row["obfnet"],
    "seeds": lambda row: str(len(row["seeds"])),
    "raw": _percent("clean_accuracy"),
    "accuracy [95 %]": _interval("accuracy", ".2%"),
    "drop": lambda row: f"{100 * row['drop']:+.2f} pt",
    "local twin": _percent("twin_accuracy"),
    "certified bits": lambda row: f"{row['certified_bits']:.2f}",
    "parameters": lambda row: f"{row['params']:,}",
    "MACs": lambda row: f"{row['macs']:,}",
    "s per ObfNet": lambda row: f"{row['forge_seconds']:.1f}",
    "queries": lambda row: f"{row['queries']:,}",
}
BENCHED: Columns = {
    "subject": lambda row: row["subject"],
    "baseline": lambda row: row["baseline"],
    "ratio [least, greatest]": lambda row: (
        _interval("ratio", ".1f")(row) if "ratio_ci" in row else f"{row['ratio']:.1f}"
    ),
    "rounds": lambda row: str(row["rounds"]),
    "subject's": lambda row: f"{row['value']:.2f}",
    "baseline's": lambda row: f"{row['baseline_value']:.2f}",
    "unit": lambda row: row["unit"],
    "accuracy": _percent("accuracy"),
    "baseline's accuracy": _percent("baseline_accuracy"),
    "leakage": lambda row: f"{row['leakage']:.3f}",
    "baseline's leakage": lambda row: f"{row['baseline_leakage']:.3f}",
}


def publish(
    folder: Path,
    command: str,
    rows: Sequence[Row],
    seconds: float,
    title: str,
    note: str,
    columns: Columns | None = None,
    more: Callable[[Sequence[Row]], str] | None = None,
) -> Path:
    """Write ``folder/results.json`` and ``folder/index.html``; returns the former's path.

    Args:
        folder: where both go.
        command: what makes them again.
        rows: in the one form of results.
        seconds: wall time of the run.
        title: of the page.
        note: how to read it, a sentence or two.
        columns: of the table, by default those that fit the first row.
        more: HTML below the table, made from the rows; by default plots or tables that fit.
    """
    path = results.write(folder, command, rows, seconds)
    content = page(results.read(path), title, note, columns, more)
    files.write(folder / "index.html", content)
    return path


def page(
    content: Mapping[str, Any],
    title: str,
    note: str,
    columns: Columns | None = None,
    more: Callable[[Sequence[Row]], str] | None = None,
) -> str:
    """The page of a results file's ``content``; see ``publish``."""
    rows = content["rows"]
    columns = columns or _columns(rows[0])
    machine, torch = content["machine"], content["versions"]["torch"]
    made = (
        f"<code>{escape(content['command'])}</code>, commit {escape(str(content['git']))}, "
        f"{escape(content['date'])}, {content['seconds']:.0f} s on {machine['threads']} threads of "
        f"{escape(machine['processor'])}, torch {escape(torch)}"
    )
    below = more(rows) if more else ""
    below += _plots(rows) if columns is FORGED and len(rows) > 2 else ""
    below += attacks_table(rows) if columns is AUDITED else ""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}</style><h1>{escape(title)}</h1><p>{escape(note)}</p>"
        f"{table(columns, rows)}{below}<p>Made by {made}.</p></html>\n"
    )


def _columns(row: Row) -> Columns:
    """What the table shows, by what the first row is of."""
    if "bench" in row:
        return BENCHED
    return AUDITED if "tried" in row else FORGED


def table(columns: Columns, rows: Sequence[Row]) -> str:
    """Rows as an HTML table; a cell whose figure a row lacks is a dash."""
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{_cell(cell, row)}</td>" for cell in columns.values()) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(cell: Callable[[Row], str], row: Row) -> str:
    try:
        return escape(cell(row))
    except (KeyError, TypeError):  # a row has no such figure
        return "-"


def _plots(rows: Sequence[Row]) -> str:
    plots = ""
    for name, title in (("certified_bits", "certified bits"), ("macs", "MACs on the device")):
        known = [row for row in rows if row.get(name)]
        points = [Point(row[name], row["accuracy"], row["obfnet"], True) for row in known]
        points += [Point(row[name], row["twin_accuracy"], "twin", False) for row in known]
        plots += scatter(points, title, "accuracy (hollow: local twin)")
    return plots
