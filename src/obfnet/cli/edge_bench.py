"""``obfnet edge bench``: how long obfuscating takes on this device."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from obfnet.cli import edge_options as options


def bench(
    bundle: Annotated[Path, typer.Argument(help="signed file of the device's set")],
    key: options.Key,
    device: options.Device = None,
    infnet: options.InfNet = None,
    samples: Annotated[int, typer.Option(min=1, help="how many to obfuscate, one by one")] = 1_000,
    file: Annotated[
        Path | None, typer.Option(help="samples to take; by default uniform noise")
    ] = None,
    picker: options.Picker = "random",
    pin_key: options.PinKey = None,
    runtime: options.Runtime = None,
    as_json: options.AsJson = False,
) -> None:
    """Time BUNDLE on this device: loading it, and obfuscating one sample. Needs no backend."""
    from obfnet.cli.edge_client import picker_of, trust_of
    from obfnet.edge.timing import time_obfuscation

    timing = time_obfuscation(
        bundle, trust_of(key, device, infnet), samples, runtime, picker_of(picker, pin_key), file
    )
    if as_json:
        typer.echo(json.dumps(timing.plain()))
        return
    typer.echo(f"{bundle}: {timing.bytes:,} bytes, {timing.obfnets} ObfNets, {timing.runtime}")
    typer.echo(f"verified and loaded in {timing.load_ms:.1f} ms")
    typer.echo(
        f"one sample: median {timing.median_us:.1f} us, least {timing.least_us:.1f}, mean "
        f"{timing.mean_us:.1f}, greatest {timing.greatest_us:.1f}, of {timing.samples:,}"
    )
