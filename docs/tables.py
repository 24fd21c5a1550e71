"""Fill the tables of measured.md from the results that they are of: ``python docs/tables.py``.

A table stands between ``<!-- table KIND FOLDER ATTRIBUTES [DATASET [SPLIT]] -->`` and
``<!-- end -->``, where FOLDER is below ``studies/``. Nothing of it is written by hand.
"""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent
PAGE = DOCS / "measured.md"
TABLE = re.compile(r"<!-- table (?P<asked>.*?) -->\n.*?<!-- end -->", re.DOTALL)

Row = dict[str, Any]
Columns = dict[str, Callable[[Row], str]]
#: What an alternative asks of the backend, where the row's own words are long for a table.
SHORT = {
    "serve the upper layers only, and give the lower ones away": "upper layers only",
    "serve the upper layers only, retrained; and give the lower ones away": (
        "upper layers only, retrained"
    ),
}


def main() -> None:
    """Write the page anew."""
    PAGE.write_text(fill(PAGE.read_text()))


def fill(text: str) -> str:
    """``text`` with every table made again from its results."""
    return TABLE.sub(
        lambda found: f"<!-- table {found['asked']} -->\n\n{made(found['asked'])}\n\n<!-- end -->",
        text,
    )


def made(asked: str) -> str:
    """The table that a marker asks for."""
    kind, folder, names, *only = asked.split()
    rows = json.loads((DOCS / "studies" / folder / "results.json").read_text())["rows"]
    for field, wanted in zip(("dataset", "split"), only, strict=False):
        rows = [row for row in rows if row[field].split()[0] == wanted]
    return markdown(KINDS[kind](rows, names.split(",")), rows)


def markdown(columns: Columns, rows: Sequence[Row]) -> str:
    """A table; what a row lacks is empty, and so no column that all rows lack is shown."""
    cells = {title: [_cell(cell, row) for row in rows] for title, cell in columns.items()}
    cells = {title: column for title, column in cells.items() if any(column)}
    lines = [list(cells), ["---"] * len(cells), *zip(*cells.values(), strict=True)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines).replace("| --- ", "|---")


def _cell(cell: Callable[[Row], str], row: Row) -> str:
    try:
        return cell(row)
    except (KeyError, TypeError, ValueError):  # a row has no such figure
        return ""


def transforms(rows: Sequence[Row], names: Sequence[str]) -> Columns:
    """What an audit says of samples and of what is sent in their place."""
    return {
        "samples sent": lambda row: row["obfnet"],
        "accuracy of the unmodified InfNet, %": lambda row: _percent(row["accuracy"], 2),
        "leakage [95 %]": _leakage,
        "by": lambda row: row["best_attack"],
        **_attributes(rows, names),
    }


def audits(rows: Sequence[Row], names: Sequence[str]) -> Columns:
    """The same with what the standard preset adds: every attack, links, listeners."""
    return transforms(rows, names) | {
        "greatest of any": lambda row: _short(max(_all_leakages(row))),
        "same sample linked": lambda row: _short(_linked(row, ["sample sent twice"]), 2),
        f"same {' or '.join(names)} linked": lambda row: _short(_linked(row, names), 2),
        "certified bits": _bits,
        "digit heard by Moonshine, PocketSphinx, %": lambda row: ", ".join(
            _percent(each["value"]) for each in row["examined"]["listeners"]["measures"]
        ),
    }


def paper(rows: Sequence[Row], names: Sequence[str]) -> Columns:
    """The paper's figure beside ours."""
    return {
        "InfNet": lambda row: row["infnet"],
        "ObfNet": lambda row: row["obfnet"] + _times(len(row["seeds"])),
        "paper, %": lambda row: " to ".join(
            _percent(each, 2) for each in sorted(set(row["paper"]))
        ),
        "ours, % [95 %]": lambda row: _accuracy(row, 2) if "accuracy" in row else "not forged",
        "where it was chosen, %": lambda row: _percent(row["validation_accuracy"], 1),
        "leakage [95 %]": _leakage,
        **_attributes(rows, names),
        "certified bits": _bits,
        "local twin, %": lambda row: _percent(row["twin_accuracy"], 1),
        "parameters": lambda row: f"{row['params']:,}",
        "bytes": lambda row: f"{row['bytes']:,}",
        "ms": lambda row: _number(row["edge_ms"]["median"]),
    }


def alternatives(rows: Sequence[Row], names: Sequence[str]) -> Columns:
    """What else keeps samples from a backend."""
    return {
        "what": lambda row: row["obfnet"],
        "the backend changes": lambda row: SHORT.get(row["backend_change"], row["backend_change"]),
        "accuracy, % [95 %]": lambda row: _accuracy(row, 1),
        "leakage [95 %]": _leakage,
        **_attributes(rows, names),
        "ms on the device": lambda row: _number(row["edge_ms"]["median"]),
        "bytes sent": lambda row: f"{row['request_bytes']:,}",
        "bytes back": lambda row: f"{row['response_bytes']:,}",
    }


def listening(rows: Sequence[Row], names: Sequence[str]) -> Columns:
    """Who names the digit, and who tells private attributes."""
    listeners = list(rows[0]["listeners"])
    return {
        "InfNet": lambda row: row["infnet"],
        "samples sent": lambda row: row["obfnet"],
        "its accuracy, %": lambda row: _percent(row["accuracy"], 1),
        **{f"{each.split(',')[0]}, %": _heard(each) for each in listeners},
        **_attributes(rows, names, "adaptive: "),
        "the paper's volunteers, %": lambda row: _percent(row["published"]),
    }


def _attributes(rows: Sequence[Row], names: Sequence[str], by: str = "") -> Columns:
    def told(name: str) -> Callable[[Row], str]:
        return lambda row: _percent(row["attributes"][name]["accuracy"])

    first = rows[0].get("attributes") or {}
    return {
        f"{by}{name}, % (chance {_percent(first[name]['chance'])})": told(name)
        for name in names
        if name in first
    }


def _heard(name: str) -> Callable[[Row], str]:
    def said(row: Row) -> str:
        score = row["listeners"][name]
        low, high = score["accuracy_ci"]
        return f"{_percent(score['accuracy'])} [{_percent(low)}, {_percent(high)}]"

    return said


def _all_leakages(row: Row) -> list[float]:
    return [each["leakage"]["mse"]["value"] for each in row["tried"]]


def _linked(row: Row, what: Sequence[str]) -> float:
    """The least equal error rate of those that share one of ``what``; certainty is 0."""
    wanted = [f"same {each}: equal error rate" for each in what]
    measures = row["examined"]["linkability"]["measures"]
    return min(float(each["value"]) for each in measures if each["name"] in wanted)


def _leakage(row: Row) -> str:
    low, high = row["leakage_ci"]
    return f"{_short(row['leakage'])} [{_short(low)}, {_short(high)}]"


def _accuracy(row: Row, digits: int) -> str:
    low, high = row["accuracy_ci"]
    return f"{_percent(row['accuracy'], digits)} [{_percent(low, 1)}, {_percent(high, 1)}]"


def _bits(row: Row) -> str:
    if row["certified_bits"] is None:
        return "none"
    return f"{row['certified_bits']:.2f}".rstrip("0").rstrip(".")


def _times(count: int) -> str:
    return f" x {count}" if count > 1 else ""


def _percent(share: float, digits: int = 0) -> str:
    return f"{100 * share:.{digits}f}"


def _short(value: float, digits: int = 3) -> str:
    """A share without its leading zero."""
    return f"{value:.{digits}f}".removeprefix("0") if value < 1 else f"{value:.{digits}f}"


def _number(value: float) -> str:
    """Three digits of a positive number, whatever its size."""
    return f"{value:,.0f}" if value >= 100 else _short(value, 1 if value >= 10 else 3)


KINDS: dict[str, Callable[[Sequence[Row], Sequence[str]], Columns]] = {
    "audit": audits,
    "transforms": transforms,
    "paper": paper,
    "alternatives": alternatives,
    "listening": listening,
}

if __name__ == "__main__":
    main()
