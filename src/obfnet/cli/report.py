"""``obfnet report``: an audit's page and verdict, made again from its figures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from obfnet.cli.audit import FAILED
from obfnet.cli.show_audit import show_audits


def report(
    folder: Annotated[Path, typer.Argument(help="folder of 'obfnet audit'")],
    criteria: Annotated[
        Path | None, typer.Option(help="TOML; exit status 3 where they are not met")
    ] = None,
) -> None:
    """Show an audit again, judged by other criteria if there are any."""
    from obfnet.auditing.published import republish
    from obfnet.auditing.verdict.criteria import load

    named = () if criteria is None else load(criteria)
    if not show_audits({folder: republish(folder, named)}):
        raise typer.Exit(FAILED)
