"""``obfnet forge``: sets of distinct ObfNets from a spec, from flags, or both."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from obfnet.cli.show import show_fleet


def forge(
    spec: Annotated[Path | None, typer.Argument(help="TOML; flags come before it")] = None,
    out: Annotated[Path, typer.Option(help="folder; a second call goes on there")] = Path(
        "runs/forge"
    ),
    infnet: Annotated[
        str | None,
        typer.Option(help="folder of 'obfnet train', ONNX file, URL, or a net that comes along"),
    ] = None,
    answers: Annotated[str | None, typer.Option(help="logits, probabilities or labels")] = None,
    data: Annotated[str | None, typer.Option(help="registered dataset")] = None,
    split_seed: Annotated[int | None, typer.Option(help="root of the split")] = None,
    devices: Annotated[int | None, typer.Option(help="number of sets")] = None,
    size: Annotated[int | None, typer.Option(help="ObfNets in each set")] = None,
    seed: Annotated[int | None, typer.Option(help="root of the seed tree")] = None,
    mechanism: Annotated[
        str | None, typer.Option(help="registered; arguments with --set mechanism.NAME=VALUE")
    ] = None,
    encoder: Annotated[str | None, typer.Option(help="registered; instead of a budget")] = None,
    budget_params: Annotated[int | None, typer.Option(help="learned values at most")] = None,
    budget_macs: Annotated[int | None, typer.Option(help="multiply-accumulates at most")] = None,
    budget_bytes: Annotated[int | None, typer.Option(help="bytes at most")] = None,
    rows: Annotated[str | None, typer.Option(help="optimised, decoy or searched")] = None,
    exemplars: Annotated[int | None, typer.Option(help="rows for each code")] = None,
    objective: Annotated[
        list[str] | None, typer.Option(help="TERM=WEIGHT, e.g. attribute:speaker=.5")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="passes over the data")] = None,
    batch: Annotated[int | None, typer.Option(help="samples in a step")] = None,
    rate: Annotated[float | None, typer.Option(help="Adam's rate")] = None,
    twins: Annotated[bool | None, typer.Option(help="train each set's local twin")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="any TABLE.KEY=VALUE of the spec")
    ] = None,
    bundle: Annotated[bool, typer.Option(help="write one bundle for each device")] = True,
    key: Annotated[
        Path | None, typer.Option(help="signs the bundles; without it no device takes them")
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(help="of the bundles: float32, dynamic-int8 or int8 [int8 with a key]"),
    ] = None,
    tolerance: Annotated[
        float, typer.Option(help="accuracy that int8 may lose, as a fraction")
    ] = 0.002,
    ray: Annotated[
        str | None, typer.Option(help="address of a Ray cluster, or 'local' for a new one")
    ] = None,
) -> None:
    """Forge sets of distinct ObfNets for a frozen InfNet, one set for each device."""
    from obfnet.bundling.fleet_bundles import bundle_fleet
    from obfnet.bundling.forged_folder import open_forge
    from obfnet.bundling.keys import SigningKey
    from obfnet.forging import spec_changes, spec_file
    from obfnet.forging.cluster import on_ray
    from obfnet.forging.spec_folder import forge_into

    flags: dict[tuple[str, str], Any] = {
        spec_changes.source_of(infnet): infnet,
        ("infnet", "answers"): answers,
        ("data", "name"): data,
        ("data", "split_seed"): split_seed,
        ("forge", "devices"): devices,
        ("forge", "size"): size,
        ("forge", "seed"): seed,
        ("forge", "rows"): rows,
        ("forge", "exemplars"): exemplars,
        ("forge", "twins"): twins,
        ("mechanism", "name"): mechanism,
        ("encoder", "name"): encoder,
        ("budget", "params"): budget_params,
        ("budget", "macs"): budget_macs,
        ("budget", "bytes"): budget_bytes,
        ("schedule", "epochs"): epochs,
        ("schedule", "batch"): batch,
        ("schedule", "rate"): rate,
    }
    given = {place: value for place, value in flags.items() if value is not None}
    given |= dict(spec_changes.weight(each) for each in objective or ())
    given |= dict(spec_changes.setting(each) for each in set_ or ())
    wanted = spec_file.load(spec, given)
    signing = None if key is None else SigningKey.load(key)
    form = precision or ("float32" if key is None else "int8")
    executor = None if ray is None else on_ray(None if ray == "local" else ray)
    fleet = forge_into(out, wanted, executor)
    show_fleet(fleet)
    paths: list[Path] = []
    if bundle:
        gate = None if form == "float32" else open_forge(out, tolerance)[1]
        paths = bundle_fleet(fleet, out, signing, form, gate)
    typer.echo("\n".join([f"folder: {out}", *(f"bundle: {path}" for path in paths)]))
