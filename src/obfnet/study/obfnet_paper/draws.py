"""Means over draws of one split: what 200 test clips of one draw cannot tell apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from obfnet.study.sheet import Columns, table

Row = Mapping[str, Any]
#: Between a draw's number and the split that it is of.
OF = " of "


def draw_label(draw: int, split_label: str) -> str:
    """What tables call draw ``draw`` of a split; the first word is one of its own, for folders."""
    return f"draw-{draw}{OF}{split_label}"


def means(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Of each ObfNet on more than one draw: untouched samples, and those that it was chosen by.

    Args:
        rows: of ``results.json``, one for each draw; of several seeds their mean.

    Returns:
        A mapping for each ObfNet: ``draws``, how many; ``untouched`` and ``chosen``, mean, least
        and greatest accuracy; ``clean``, the mean of raw samples.
    """
    groups: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        if "validation_accuracy" in row:
            base = row["split"].split(OF)[-1]
            groups[row["dataset"], row["infnet"], base, row["obfnet"]].append(row)
    return [
        {
            "dataset": own[0]["dataset"],
            "infnet": own[0]["infnet"],
            "obfnet": own[0]["obfnet"],
            "draws": len(own),
            "clean": float(np.mean([row["clean_accuracy"] for row in own])),
            "untouched": _spread([row["accuracy"] for row in own]),
            "chosen": _spread([row["validation_accuracy"] for row in own]),
        }
        | ({"paper": own[0]["paper"]} if "paper" in own[0] else {})
        for own in groups.values()
        if len({row["split"] for row in own}) > 1
    ]


def section(rows: Sequence[Row]) -> str:
    """HTML of ``means(rows)``, nothing where there is one draw only."""
    found = means(rows)
    if not found:
        return ""
    return (
        "<h2>Over several draws of the clips</h2><p>Each draw has an InfNet and ObfNets of its "
        "own. What lies between the last two columns is what choosing a checkpoint on the samples "
        "that are then counted adds: the draw has no part in it but by chance.</p>"
        f"{table(COLUMNS, found)}"
    )


def _spread(values: Sequence[float]) -> tuple[float, float, float]:
    return float(np.mean(values)), min(values), max(values)


def _said(name: str) -> Callable[[Row], str]:
    return lambda row: "{:.2%} ({:.1%} to {:.1%})".format(*row[name])


COLUMNS: Columns = {
    "ObfNet": lambda row: row["obfnet"],
    "data; InfNet": lambda row: f"{row['dataset']}; {row['infnet']}",
    "draws": lambda row: str(row["draws"]),
    "paper": lambda row: " to ".join(f"{value:.2%}" for value in row["paper"]),
    "raw, mean": lambda row: f"{row['clean']:.2%}",
    "untouched samples, mean (least to greatest)": _said("untouched"),
    "the samples it was chosen by": _said("chosen"),
}
