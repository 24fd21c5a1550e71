"""``obfnet compare``: several audits in one table and one plot."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from obfnet.cli.show_audit import show_comparison


def compare(
    places: Annotated[
        list[Path], typer.Argument(help="folders of 'obfnet audit', or results.json files")
    ],
    out: Annotated[Path, typer.Option(help="folder of the page")] = Path("runs/compare"),
) -> None:
    """Compare audits: accuracy against leakage, and what each costs the device."""
    from obfnet import files
    from obfnet.auditing.comparison import gather
    from obfnet.auditing.pages.comparison_page import render

    compared = gather(places)
    page = out / "index.html"
    files.write(page, render(compared))
    show_comparison(compared)
    typer.echo(f"page: {page}")
