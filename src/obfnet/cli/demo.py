"""``obfnet demo``: the whole idea on real samples over real HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from obfnet.cli.show import show_table


def demo(
    data: Annotated[str, typer.Option(help="digits, mnist or fsd")] = "digits",
    out: Annotated[Path | None, typer.Option(help="folder; runs/demo-DATA by default")] = None,
    seed: Annotated[int, typer.Option(help="root of the seed tree")] = 0,
) -> None:
    """Forge, serve, send raw and obfuscated samples over HTTP, attack, and report."""
    from obfnet.study.demo import demo as run

    folder = out or Path("runs") / f"demo-{data}"
    done = run(data, folder, seed, f"obfnet demo --data {data} --seed {seed}")
    show_table(done.rows)
    typer.echo(f"page: {done.page}\nresults: {done.json}")
