"""``obfnet bench``: comparisons measured side by side in one run."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

#: Each is the function ``bench_NAME`` of ``study.bench_NAME``, loaded when it is asked for.
BENCHES = ("audit", "audit-fleet", "edge", "forge", "serve", "soak")


def bench(
    name: Annotated[str, typer.Argument(help=", ".join(BENCHES))],
    out: Annotated[Path | None, typer.Option(help="folder; runs/bench-NAME by default")] = None,
    seed: Annotated[int, typer.Option(help="root of the seed tree")] = 0,
    minutes: Annotated[float, typer.Option(help="how long to soak")] = 10,
) -> None:
    """Measure two ways of doing the same thing, in turns."""
    from obfnet.errors import UnknownNameError

    if name not in BENCHES:
        raise UnknownNameError(f"no benchmark {name!r}; there are: {', '.join(BENCHES)}")
    function = f"bench_{name.replace('-', '_')}"
    run = getattr(import_module(f"obfnet.study.{function}"), function)
    folder = out or Path("runs") / f"bench-{name}"
    command = f"obfnet bench {name} --seed {seed}"
    if name == "soak":
        run, command = partial(run, minutes=minutes), f"{command} --minutes {minutes:g}"
    typer.echo(f"results: {run(folder, seed, command)}")
