"""``obfnet inspect``: what a folder or file is, and what it proves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from obfnet.cli.show import show_facts


def inspect(
    path: Annotated[
        Path, typer.Argument(help="folder of 'forge' or 'train', bundle, or ONNX file")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Say what PATH is: certificates in words, cost, accuracy, seeds, digests, versions."""
    from obfnet.bundling.inspection import inspect as facts_of

    facts = facts_of(path)
    if as_json:
        typer.echo(json.dumps(facts, indent=1, allow_nan=False))
    else:
        show_facts(facts)
