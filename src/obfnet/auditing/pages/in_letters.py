"""Accuracy against leakage in letters, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_letters

from obfnet.auditing.comparison import Compared

COLUMNS, LINES = 60, 14
#: Where several fall on the same place.
SEVERAL = "*"


def mark(position: int) -> str:
    """The letter of the n-th transform."""
    return ascii_letters[26:][position] if position < 26 else ascii_letters[position % 26]


def plot(compared: Sequence[Compared]) -> str:
    """A grid with a letter for each transform: leakage to the right, accuracy upwards."""
    accuracies = [each.accuracy for each in compared]
    low, high = min(accuracies), max(accuracies)
    spread = (high - low) or 1.0
    grid = [[" "] * COLUMNS for _ in range(LINES)]
    for position, each in enumerate(compared):
        line = round((high - each.accuracy) / spread * (LINES - 1))
        column = round(min(1.0, each.leakage) * (COLUMNS - 1))
        there = grid[line][column]
        grid[line][column] = mark(position) if there == " " else SEVERAL
    labels = {0: f"{high:.1%}", LINES - 1: f"{low:.1%}"}
    lines = [
        f"{labels.get(number, ''):>7} |{''.join(cells).rstrip()}"
        for number, cells in enumerate(grid)
    ]
    axis = " " * 8 + "+" + "-" * COLUMNS
    scale = " " * 9 + "0" + "leakage".center(COLUMNS - 2) + "1"
    several = [f"{SEVERAL} several at one place"] if any(SEVERAL in row for row in grid) else []
    return "\n".join(["accuracy", *lines, axis, scale, *several])
