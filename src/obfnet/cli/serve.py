"""``obfnet serve``: the embedded backend."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Optional

import typer

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
    **given: object,
) -> None:
    """Serve ONNX models over the Open Inference Protocol v2 until stopped.

    Every setting is an option, a variable OBFNET_SERVE_NAME or a line of a TOML file, which win
    in that order.
    """
    chosen = {k: v for k, v in {"repository": repository, **given}.items() if v is not None}
    settings, sources = gather(chosen, file=config)
    if show_config:
        typer.echo(as_toml(settings, sources))
        return
    from obfnet.serving.launch import run

    run(settings)
