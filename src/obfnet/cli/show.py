"""Result rows as a table on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from obfnet.study.table import COLUMNS, cells


def show_table(rows: Sequence[Mapping[str, Any]]) -> None:
    """Print ``rows`` turned on their side: one column for each transform."""
    table = Table(show_header=True, header_style="bold")
    written = [cells(row) for row in rows]
    table.add_column(COLUMNS[0].title)
    for row in written:
        table.add_column(row[0])
    for position, column in enumerate(COLUMNS[1:], start=1):
        table.add_row(column.title, *(row[position] for row in written))
    console = Console()
    console.print(table)
    console.print(
        "The label always leaks. Leakage: 0 = the attacker learns only the label, "
        "1 = no protection."
    )
