"""The page of the ObfNet paper's studies: the paper's figure, ours, why they differ, what leaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

from obfnet.study.obfnet_paper.draws import section
from obfnet.study.obfnet_paper.rows import Made
from obfnet.study.plot import Point, scatter
from obfnet.study.sheet import STYLE, Columns, table

Row = Mapping[str, Any]

GRID_STYLE = """
table { font-size: .8rem; } svg { margin: 1rem; }
img { margin: 1px; height: 56px; image-rendering: pixelated; }
"""


def against_paper(row: Row) -> str:
    """The paper's figure beside ours, in points, and whether it lies in our interval."""
    if "paper" not in row:
        return "no figure"
    least, greatest = min(row["paper"]), max(row["paper"])
    low, high = row["accuracy_ci"]
    if least <= high and greatest >= low:
        return "agrees: within the interval"
    nearest = least if row["accuracy"] < least else greatest
    return f"{100 * (row['accuracy'] - nearest):+.2f} pt"


def _paper(row: Row) -> str:
    return " to ".join(f"{value:.2%}" for value in row["paper"])


def _attributes(row: Row) -> str:
    return ", ".join(
        f"{name} {each['accuracy']:.0%} (chance {each['chance']:.0%}, label "
        f"{each['label_only']:.0%})"
        for name, each in row["attributes"].items()
    )


def _differs(row: Row) -> str:
    return " ".join((row.get("differs", ""), *row.get("unmeasured", {}).values()))


def _numbers(name: str) -> Callable[[Row], str]:
    return lambda row: f"{row[name]:,}"


COLUMNS: Columns = {
    "paper's": lambda row: row["figure"],
    "ObfNet": lambda row: row["obfnet"],
    "data": lambda row: row["dataset"],
    "InfNet; split": lambda row: f"{row['infnet']}; {row['split']}",
    "seeds": lambda row: str(len(row["seeds"])),
    "paper": _paper,
    "ours [95 %]": lambda row: (
        f"{row['accuracy']:.2%} [{row['accuracy_ci'][0]:.2%}, {row['accuracy_ci'][1]:.2%}]"
    ),
    "ours - paper": against_paper,
    "on the samples it was chosen by": lambda row: f"{row['validation_accuracy']:.2%}",
    "drop": lambda row: f"{100 * row['drop']:+.2f} pt",
    "leakage [95 %]": lambda row: (
        f"{row['leakage']:.3f} [{row['leakage_ci'][0]:.3f}, {row['leakage_ci'][1]:.3f}]"
    ),
    "best attack": lambda row: row["best_attack"],
    "private attributes": _attributes,
    "certified bits": lambda row: f"{row['certified_bits']:.2f}",
    "local twin": lambda row: f"{row['twin_accuracy']:.2%}",
    "parameters": _numbers("params"),
    "MACs": _numbers("macs"),
    "bytes": lambda row: f"{row['bytes']:,} {row['precision']}",
    "edge ms": lambda row: f"{row['edge_ms']['median']:.3f}",
    "s per ObfNet": lambda row: f"{row['forge_seconds']:.1f}",
    "what differs": _differs,
}


def render(content: Mapping[str, Any], made: Sequence[Made], title: str, note: str) -> str:
    """The page.

    Args:
        content: of ``results.json``.
        made: its rows with their pictures.
        title: of the page.
        note: how to read it.
    """
    rows = [each.row for each in made]
    return document(
        content,
        title,
        note,
        table(COLUMNS, rows) + section(rows) + _plots(rows) + _grids(made),
    )


def document(content: Mapping[str, Any], title: str, note: str, body: str) -> str:
    """A self-contained page around ``body``; how it was made stands below it."""
    machine = content["machine"]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{STYLE}{GRID_STYLE}</style><h1>{escape(title)}</h1><p>{escape(note)}</p>{body}"
        f"<p>Made by <code>{escape(content['command'])}</code>, commit "
        f"{escape(str(content['git']))}, {escape(content['date'])}, {content['seconds']:.0f} s on "
        f"{machine['threads']} threads of {escape(machine['processor'])}.</p></html>\n"
    )


def _plots(rows: Sequence[Row]) -> str:
    """Accuracy and leakage against the width of the bottleneck, for each InfNet and split."""
    wide = [row for row in rows if "width" in row]
    plots = ""
    for place in dict.fromkeys(_place(row) for row in wide):
        own = [row for row in wide if _place(row) == place]
        if len({row["width"] for row in own}) < 3:
            continue
        for value in ("accuracy", "leakage"):
            points = [
                Point(row["width"], row[value], row["obfnet"], not row["obfnet"].startswith("O_C"))
                for row in own
                if value in row
            ]
            title = f"{value}, {', '.join(place)} (hollow: O_C)"
            plots += scatter(points, "neurons of the bottleneck", title)
    return f"<h2>Against the width</h2>{plots}" if plots else ""


def _place(row: Row) -> tuple[str, str, str]:
    return row["dataset"], row["infnet"], row["split"]


def _grids(made: Sequence[Made]) -> str:
    """x in the first line of each InfNet, x' below."""
    lines = "".join(
        f'<tr><th scope="row">{escape(_caption(each.row))}</th><td>'
        + "".join(
            f'<img alt="sample {number}, {escape(_caption(each.row))}" src="{picture}">'
            for number, picture in enumerate(each.pictures, start=1)
        )
        + "</td></tr>"
        for each in made
        if each.pictures
    )
    return (
        "<h2>What the backend sees</h2><p>The paper's Fig. 11, 14 and 20: the same test samples "
        "raw and through each ObfNet. That a person does not recognise them says little: see "
        f"leakage.</p><table>{lines}</table>"
    )


def _caption(row: Row) -> str:
    return f"{row['dataset']}, {row['infnet']}, {row['split'].split()[0]}: {row['obfnet']}"
