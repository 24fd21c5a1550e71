"""``obfnet study``: long experiments whose results the documentation quotes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def study(
    name: Annotated[
        str, typer.Argument(help="obfnet, obfnet-fsd, audit, forge-mnist, forge-cifar10, …")
    ],
    out: Annotated[Path | None, typer.Option(help="folder; runs/study-NAME by default")] = None,
    seed: Annotated[int, typer.Option(help="root of the seed tree")] = 0,
    quick: Annotated[
        bool, typer.Option("--quick/--full", help="a few steps, to see that all runs, or all of it")
    ] = False,
    effort: Annotated[
        str | None, typer.Option(help="of studies that audit: quick, standard or full")
    ] = None,
    data: Annotated[str, typer.Option(help="of human: mnist, fsd or digits")] = "",
) -> None:
    """Make a study's figures again from raw data; finished parts are found again in its folder."""
    from obfnet.study.studies import start
    from obfnet.study.study import Ask

    command = f"obfnet study {name} --seed {seed}" + (" --quick" if quick else "")
    command += "" if effort is None else f" --effort {effort}"
    command += f" --data {data}" if data else ""
    path = start(
        name, Ask(out or Path("runs") / f"study-{name}", command, seed, quick, effort, data)
    )
    typer.echo(f"results: {path}")
