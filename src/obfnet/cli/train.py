"""``obfnet train``: an InfNet where nobody brings one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from obfnet.cli.typed import typed


def train(
    data: Annotated[str, typer.Option(help="registered dataset, e.g. mnist")],
    infnet: Annotated[str, typer.Option(help="registered InfNet, e.g. mnist-ic")],
    out: Annotated[Path, typer.Option(help="folder for weights, record and model")],
    epochs: Annotated[int | None, typer.Option(help="passes over the data")] = None,
    batch: Annotated[int | None, typer.Option(help="samples in a step")] = None,
    rate: Annotated[float | None, typer.Option(help="Adam's rate")] = None,
    seed: Annotated[int, typer.Option(help="root of the seed tree")] = 0,
    split_seed: Annotated[int, typer.Option(help="root of the split")] = 0,
    official_test: Annotated[bool, typer.Option(help="test on the publisher's test set")] = False,
    disjoint_groups: Annotated[bool, typer.Option(help="no speaker in two parts")] = False,
    onnx: Annotated[bool, typer.Option(help="write a model that can be served")] = True,
) -> None:
    """Train an InfNet, and keep it so that it can be forged for and served."""
    from obfnet.bundling.infnet_folder import MODEL, make_infnet_folder
    from obfnet.forging.spec import DataSpec, ScheduleSpec

    samples = DataSpec(data, {}, split_seed, official_test, disjoint_groups)
    schedule = ScheduleSpec(epochs, batch, rate)
    record = make_infnet_folder(out, infnet, samples, schedule, seed, typed(), onnx)
    low, high = record.test_accuracy_ci
    typer.echo(f"validation accuracy {record.validation_accuracy:.2%}")
    typer.echo(f"test accuracy {record.test_accuracy:.2%} [{low:.2%}, {high:.2%}]")
    typer.echo(f"InfNet: {out}")
    if onnx:
        typer.echo(f"serve it: obfnet serve {out / MODEL.parts[0]}")
