"""Rows, fleets and facts as tables on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from obfnet.study.table import COLUMNS, cells

if TYPE_CHECKING:
    from obfnet.forging.sets import ObfNetSet

FLEET = (
    "device", "nets", "accuracy", "twin", "bits", "params", "MACs", "s each",
)  # fmt: skip


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


def show_fleet(fleet: Sequence[ObfNetSet]) -> None:
    """Print one row for each device, and how distinct the ObfNets are."""
    from obfnet.forging.summary import summarise

    table = Table(*FLEET, header_style="bold")
    for obfnets in fleet:
        twin = None if obfnets.twin is None else obfnets.twin.validation_accuracy
        found = summarise(obfnets.device, obfnets.obfnets, twin)
        low, high = found.validation_accuracy
        table.add_row(
            found.device,
            str(found.obfnets),
            f"{low:.2%}" if low == high else f"{low:.2%}-{high:.2%}",
            "-" if twin is None else f"{twin:.2%}",
            "none" if found.certified_bits is None else f"{found.certified_bits:.2f}",
            f"{found.cost.params:,}",
            f"{found.cost.macs:,}",
            f"{found.seconds:.2f}",
        )
    console = Console()
    console.print(table)
    console.print(
        "Accuracy of the InfNet on x' and of the local twin alone, on validation data; bits: "
        "certified for one sample through one ObfNet."
    )
    distinct = fleet[0].distinctness
    if distinct is not None:
        console.print(
            f"Distinct: x' differ by {distinct.obfuscated[0]:.2f} standard deviations or more, a "
            f"decoder of one finds {distinct.transfer:.0%} of x in another ({distinct.own:.0%} in "
            "its own)."
        )


def show_facts(facts: Mapping[str, Any]) -> None:
    """Print nested facts as an indented list."""
    _show(Console(soft_wrap=True, highlight=False, markup=False), facts, "")


def _show(console: Console, facts: Mapping[str, Any], indent: str) -> None:
    for name, value in facts.items():
        title = f"{indent}{str(name).replace('_', ' ')}:"
        nested = isinstance(value, Mapping) and value
        several = isinstance(value, Sequence) and not isinstance(value, str) and value
        if nested:
            console.print(title)
            _show(console, value, indent + "  ")
        elif several and isinstance(value[0], Mapping):
            console.print(title)
            for each in value:
                if any(isinstance(part, Mapping) for part in each.values()):
                    _show(console, each, indent + "  ")
                else:
                    console.print(f"{indent}  - {_line(each)}")
        elif several and isinstance(value[0], str) and any(" " in each for each in value):
            console.print(title)
            for each in value:
                console.print(f"{indent}  {each}")
        else:
            console.print(f"{title} {_word(value)}")


def _line(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{str(k).replace('_', ' ')} {_word(v)}" for k, v in facts.items())


def _word(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(_word, value)) + "]"
    if isinstance(value, Mapping):
        return _line(value) or "-"
    return str(value) or "-"
