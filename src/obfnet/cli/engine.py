"""``obfnet engine``: model servers that others have made, each in an environment of its own."""

from __future__ import annotations

from typing import Annotated

import typer

from obfnet.errors import SpecError


def engine(
    action: Annotated[str, typer.Argument(help="list or install")],
    name: Annotated[str | None, typer.Argument(help="triton, kserve, mlserver or ray")] = None,
) -> None:
    """List the engines that can serve instead of our own server, or install one."""
    from obfnet.data.folders import cache_folder
    from obfnet.serving.engines.environment import environment, install, is_installed
    from obfnet.serving.engines.table import ENGINES, find_engine

    folder = cache_folder() / "engines"
    if action == "list" and name is None:
        for each in ENGINES.values():
            state = "installed" if is_installed(folder, each.name) else "not installed"
            typer.echo(f"{each.name:8} {state:13} {each.title}")
    elif action == "install" and name is not None:
        install(folder, find_engine(name).name)
        typer.echo(f"installed: {environment(folder, name)}")
    else:
        raise SpecError(f"no action {action!r} of engine {name!r}, expected: list, or install NAME")
