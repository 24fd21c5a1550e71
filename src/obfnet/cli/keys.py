"""``obfnet keys``: the forge's signing key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from obfnet.errors import SpecError


def keys(
    action: Annotated[str, typer.Argument(help="new or show")],
    path: Annotated[Path, typer.Argument(help="file of the signing key")],
) -> None:
    """Make a signing key, or show the public key that devices are given."""
    from obfnet.bundling.keys import SigningKey

    if action not in ("new", "show"):
        raise SpecError(f"no action {action!r} on keys, expected new or show")
    if action == "new":
        key = SigningKey.new()
        key.save(path)
    else:
        key = SigningKey.load(path)
    typer.echo(f"public key: {key.public}")
