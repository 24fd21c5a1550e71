"""``obfnet verify``: whether a device would take a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from obfnet.cli.show import show_facts


def verify(
    bundle: Annotated[Path, typer.Argument(help="file")],
    key: Annotated[list[str], typer.Option(help="public key that is trusted, 64 hex digits")],
    device: Annotated[str | None, typer.Option(help="id that the bundle must be for")] = None,
    infnet: Annotated[str | None, typer.Option(help="digest that it must be for")] = None,
    least_version: Annotated[int, typer.Option(help="older ones are rolled back")] = 0,
) -> None:
    """Check BUNDLE as a device does: signature, members, device, InfNet, version, time, nets."""
    from obfnet.bundling.archive import bytes_of
    from obfnet.bundling.description import describe_bundle
    from obfnet.bundling.keys import PublicKey
    from obfnet.bundling.trust import Trust
    from obfnet.bundling.trust import verify as verified
    from obfnet.edge.obfuscator import obfuscators

    keys = frozenset(map(PublicKey.from_hex, key))
    found = verified(bytes_of(bundle), Trust(keys, device, infnet, least_version))
    obfuscators(found)  # every net and table loads
    show_facts(describe_bundle(bundle))
    typer.echo("verified: a device with this trust takes it")
