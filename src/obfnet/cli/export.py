"""``obfnet export``: one device's ObfNets as loose files: nets and tables, or C."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def export(
    folder: Annotated[Path, typer.Argument(help="of 'obfnet forge'")],
    out: Annotated[Path, typer.Option(help="folder of the files")] = Path("runs/export"),
    precision: Annotated[
        str, typer.Option(help="float32, dynamic-int8, int8, or c for a microcontroller")
    ] = "float32",
    format: Annotated[str, typer.Option(help="of the nets: onnx or litert")] = "onnx",
    device: Annotated[int, typer.Option(help="which set of the fleet")] = 0,
    tolerance: Annotated[
        float, typer.Option(help="accuracy that may be lost, as a fraction")
    ] = 0.002,
) -> None:
    """Export the ObfNets of one device, judged by the InfNet's accuracy through each."""
    from obfnet import files
    from obfnet.bundling.c_export import export_c
    from obfnet.bundling.forged_folder import open_forge, set_of
    from obfnet.bundling.pack import bundle

    fleet, gate = open_forge(folder, tolerance)
    obfnets = set_of(fleet, device)
    if precision == "c":
        made = export_c(obfnets, gate)
        made.save(out)
        typer.echo(f"constants: {made.flash:,} bytes, buffers: {made.ram:,} bytes")
        typer.echo("accuracy: " + ", ".join(f"{each:.2%}" for each in made.accuracy))
    else:
        members = bundle(obfnets, precision=precision, gate=gate, format=format).members
        for name, content in members.items():
            files.write(out / name, content)
        typer.echo(f"nets and tables: {sum(map(len, members.values())):,} bytes")
    typer.echo(f"files: {out}")
