"""``obfnet bundle``: one signed file for each device of a fleet."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer


def bundle(
    folder: Annotated[Path, typer.Argument(help="of 'obfnet forge'")],
    key: Annotated[Path, typer.Option(help="signing key, of 'obfnet keys new'")],
    out: Annotated[Path | None, typer.Option(help="by default FOLDER/bundles")] = None,
    precision: Annotated[str, typer.Option(help="float32, dynamic-int8 or int8")] = "int8",
    format: Annotated[str, typer.Option(help="of the nets: onnx or litert")] = "onnx",
    version: Annotated[int, typer.Option(help="devices take none that is older")] = 1,
    expires: Annotated[
        datetime | None, typer.Option(help="day or time, UTC; never by default")
    ] = None,
    tolerance: Annotated[
        float, typer.Option(help="accuracy that may be lost, as a fraction")
    ] = 0.002,
) -> None:
    """Export, compare and sign: DEVICE.obfnet for each device of FOLDER."""
    from datetime import UTC

    from obfnet.bundling.fleet_bundles import SUFFIX
    from obfnet.bundling.forged_folder import open_forge
    from obfnet.bundling.keys import SigningKey
    from obfnet.bundling.pack import bundle as pack

    signing = SigningKey.load(key)
    until = None if expires is None else expires.replace(tzinfo=UTC)
    fleet, gate = open_forge(folder, tolerance)
    for obfnets in fleet:
        made = pack(
            obfnets,
            signing,
            version=version,
            expires=until,
            precision=precision,
            gate=gate,
            format=format,
        )
        path = (out or folder / "bundles") / f"{obfnets.device}{SUFFIX}"
        made.save(path)
        typer.echo(f"{path}: {len(made.content):,} bytes, {len(obfnets.obfnets)} ObfNets")
    typer.echo(f"devices trust: {signing.public}")
