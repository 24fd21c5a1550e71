"""``obfnet bench``: comparisons measured side by side in one run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer


def bench(
    name: Annotated[str, typer.Argument(help="forge, audit, audit-fleet, edge, serve or soak")],
    out: Annotated[Path | None, typer.Option(help="folder; runs/bench-NAME by default")] = None,
    seed: Annotated[int, typer.Option(help="root of the seed tree")] = 0,
    minutes: Annotated[float, typer.Option(help="how long to soak")] = 10,
) -> None:
    """Measure two ways of doing the same thing, in turns."""
    from obfnet.errors import UnknownNameError
    from obfnet.study.bench_audit import bench_audit
    from obfnet.study.bench_audit_fleet import bench_audit_fleet
    from obfnet.study.bench_edge import bench_edge
    from obfnet.study.bench_forge import bench_forge
    from obfnet.study.bench_serve import bench_serve
    from obfnet.study.bench_soak import bench_soak

    benches: dict[str, Callable[[Path, int, str], Path]] = {
        "forge": bench_forge,
        "audit": bench_audit,
        "audit-fleet": bench_audit_fleet,
        "edge": bench_edge,
        "soak": partial(bench_soak, minutes=minutes),
        "serve": bench_serve,
    }
    if name not in benches:
        raise UnknownNameError(f"no benchmark {name!r}; there are: {', '.join(benches)}")
    folder = out or Path("runs") / f"bench-{name}"
    command = f"obfnet bench {name} --seed {seed}"
    command += f" --minutes {minutes:g}" if name == "soak" else ""
    path = benches[name](folder, seed, command)
    typer.echo(f"results: {path}")
