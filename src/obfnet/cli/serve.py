"""``obfnet serve``: the embedded backend, or an engine that others have made."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Optional

import typer

from obfnet.errors import SpecError
from obfnet.serving.settings import KINDS, Settings, as_toml, gather


def _with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """``command`` with an option for every setting of the server but the repository."""
    signature = inspect.signature(command, eval_str=True)
    told = dict(re.findall(r"^ {8}(\w+): (.*(?:\n {12}.*)*)", Settings.__doc__ or "", re.M))
    options = []
    for each in fields(Settings)[1:]:
        text = f"{' '.join(told[each.name].split())} [default: {each.default}]"
        flag = f"--{each.name.replace('_', '-')}"
        names = (f"{flag}/--no-{flag[2:]}",) if KINDS[each.name] is bool else (flag,)
        kind = Annotated[Optional[KINDS[each.name]], typer.Option(*names, help=text)]  # type: ignore  # noqa: UP045
        options.append(
            inspect.Parameter(
                each.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind
            )
        )
    own = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    command.__signature__ = signature.replace(parameters=[*own, *options])  # type: ignore[attr-defined]
    return command


@_with_settings
def serve(
    repository: Annotated[
        Path | None, typer.Argument(help="folder of MODEL/VERSION/model.onnx")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file of settings")] = None,
    show_config: Annotated[
        bool, typer.Option("--show-config", help="print the settings and stop")
    ] = False,
    engine: Annotated[
        str | None, typer.Option(help="triton, kserve, mlserver or ray; our own by default")
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="HOST:PORT of a Ray cluster, for --engine ray")
    ] = None,
    write: Annotated[
        str | None, typer.Option(help="triton or kserve: write files for Kubernetes, do not serve")
    ] = None,
    out: Annotated[Path, typer.Option(help="folder for --write")] = Path("deployment"),
    storage: Annotated[
        str | None, typer.Option(help="URI of the models in the cluster, for --write kserve")
    ] = None,
    **given: object,
) -> None:
    """Serve ONNX models over the Open Inference Protocol v2 until stopped.

    Every setting is an option, a variable OBFNET_SERVE_NAME or a line of a TOML file, which win
    in that order. An engine takes the repository, --host and --port from here, and the rest from
    its own configuration.
    """
    chosen = {k: v for k, v in {"repository": repository, **given}.items() if v is not None}
    settings, sources = gather(chosen, file=config)
    if address is not None and engine != "ray":
        raise SpecError(f"--address is given with engine {engine}, expected --engine ray")
    if storage is not None and write != "kserve":
        raise SpecError("--storage is given, expected --write kserve with it")
    if show_config:
        typer.echo(as_toml(settings, sources))
    elif write is not None:
        from obfnet.serving.engines.kubernetes import write_files

        write_files(write, settings.repository, out, storage)
        typer.echo(f"written: {out}")
    elif engine is not None:
        unknown = sorted(sources.keys() - {"repository", "host", "port"})
        if unknown:
            raise SpecError(
                f"{', '.join(unknown)}: settings of the embedded server, not of {engine}; leave "
                "them out and set them in the engine's own configuration"
            )
        _serve_with(engine, settings.repository, settings.host, settings.port, address)
    else:
        from obfnet.serving.launch import run

        run(settings)


def _serve_with(engine: str, repository: Path, host: str, port: int, address: str | None) -> None:
    from obfnet.data.folders import cache_folder
    from obfnet.serving.engines.ray import ray_engine
    from obfnet.serving.engines.running import serve_with
    from obfnet.serving.engines.table import find_engine

    chosen = find_engine(engine) if address is None else ray_engine(address)
    serve_with(chosen, repository, cache_folder() / "engines", host, port)
