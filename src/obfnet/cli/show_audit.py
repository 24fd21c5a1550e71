"""Audits and comparisons on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from obfnet.auditing.comparison import Compared

#: Attacks of each audit that are printed; the page has all.
MOST = 5


def show_audits(contents: Mapping[Path, Mapping[str, Any]]) -> bool:
    """Print each report's main figures, attacks, verdict and page.

    Args:
        contents: of ``report.json``, by folder.

    Returns:
        Whether no report fails its criteria.
    """
    from obfnet.auditing.comparison import gather

    compared = gather(list(contents))
    _table(compared)
    console = _console()
    for each, (folder, content) in zip(compared, contents.items(), strict=True):
        console.print(f"\n{each.name}: {folder / 'index.html'}")
        for tried in content["tried"][:MOST]:
            low, high = tried["leakage"]["mse"]["ci"]
            value = tried["leakage"]["mse"]["value"]
            broken = "" if tried["sane"] else ", no sane attack on this data"
            console.print(
                f"  {tried['attack']}: leakage {value:.3f} [{low:.3f}, {high:.3f}], "
                f"{tried['raw']:.3f} on raw samples{broken}"
            )
        more = len(content["tried"]) - MOST
        if more > 0:
            console.print(f"  and {more} more attacks")
        for name, why in content["unmeasured"].items():
            console.print(f"  not measurable: {name}: {why}")
        _verdict(console, content)
    return all(
        content["verdict"] is None or content["verdict"]["passed"] for content in contents.values()
    )


def show_comparison(compared: Sequence[Compared]) -> None:
    """Print a table, a plot in letters, and why figures may not be comparable."""
    from obfnet.auditing.comparison import cautions, front
    from obfnet.auditing.pages.in_letters import mark, plot

    _table(compared, [mark(position) for position in range(len(compared))])
    console = _console()
    console.print(plot(compared))
    names = ", ".join(each.name for each in front(compared))
    console.print(f"No other is better in accuracy and leakage than: {names}.")
    for caution in cautions(compared):
        console.print(f"Mind: {caution}")


def _table(compared: Sequence[Compared], marks: Sequence[str] = ()) -> None:
    """On its side: one column for each transform."""
    from obfnet.auditing.comparison import COLUMNS

    names = [each.name for each in compared]
    titles = [f"{mark} {name}" for mark, name in zip(marks, names, strict=True)] if marks else names
    table = Table("", *titles, header_style="bold")
    for title, cell in COLUMNS.items():
        table.add_row(title, *(cell(each.row) for each in compared))
    if any(each.verdict for each in compared):
        table.add_row("verdict", *(each.verdict or "-" for each in compared))
    console = _console()
    console.print(table)
    console.print(
        "The label always leaks. Leakage: 0 = the attacker learns only the label, "
        "1 = no protection."
    )


def _verdict(console: Console, content: Mapping[str, Any]) -> None:
    from obfnet.auditing.published import verdict_of

    found = verdict_of(content)
    if found is not None:
        console.print(f"  verdict: {found}".replace("\n", "\n  "))


def _console() -> Console:
    """Names and figures as they are: brackets are intervals, not markup."""
    return Console(soft_wrap=True, highlight=False, markup=False)
