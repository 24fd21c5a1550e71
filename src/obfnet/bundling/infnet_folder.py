"""Train an InfNet into a folder: weights, how they came about, and a model that can be served."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from obfnet import files
from obfnet.auditing.intervals import of_fraction
from obfnet.bundling.onnx_export import export_onnx
from obfnet.errors import SpecError
from obfnet.forging.from_spec import described, load_data, schedule_of
from obfnet.forging.infnet import train_infnet
from obfnet.forging.sets import spread_over
from obfnet.forging.spec import DataSpec, ScheduleSpec
from obfnet.forging.trained import Record, architecture, refuse_taken, save_infnet
from obfnet.progress import say
from obfnet.seeds import branch

#: Adam's rate that suits the papers' InfNets.
RATE = 1e-3
#: Where the model stands in the folder: what is above it can be served.
MODEL = Path("models") / "infnet" / "1" / "model.onnx"
PACKAGES = ("obfnet", "torch", "numpy", "onnx")


def make_infnet_folder(
    folder: Path,
    name: str,
    data_spec: DataSpec,
    schedule_spec: ScheduleSpec,
    seed: int = 0,
    command: str = "",
    onnx: bool = True,
) -> Record:
    """Train the InfNet registered as ``name`` and keep it in ``folder``.

    Args:
        folder: holds no InfNet yet.
        name: of a registered InfNet, a factory of shape and number of classes.
        data_spec: samples, all labelled, and their split.
        schedule_spec: over the usual schedule at the rate ``RATE``.
        seed: root of the seed tree.
        command: what was typed, for the record.
        onnx: whether to write ``MODEL``.

    Raises:
        SpecError: a name or argument that nothing is registered for, samples without labels, or
            a folder that is taken.
        ExportError: the exported model does not answer as the original does.
        StorageError: the disk is full or the folder cannot be written.
    """
    refuse_taken(folder)
    data, splits = load_data(data_spec)
    if not data.labelled:
        raise SpecError(f"dataset {data.name!r} has samples without a label: none can be trained")
    schedule = schedule_of(schedule_spec, len(splits.train), RATE)
    factory = architecture(name, data.spec.shape, len(data.classes))
    say(f"InfNet {name} on {data.name}, {schedule.epochs} epochs")
    started = time.perf_counter()
    infnet = train_infnet(factory, data, splits, schedule, branch(seed, "infnet"))
    seconds = time.perf_counter() - started
    right = {
        part: infnet.predict(data.samples[indices]) == data.labels[indices]
        for part, indices in (("validation", splits.validation), ("test", splits.test))
    }
    record = Record(
        name=name,
        shape=data.spec.shape,
        classes=len(data.classes),
        digest=infnet.digest,
        data=described(data_spec, data),
        seed=seed,
        schedule=asdict(schedule),
        validation_accuracy=float(right["validation"].mean()),
        test_accuracy=float(right["test"].mean()),
        test_accuracy_ci=of_fraction(int(right["test"].sum()), len(right["test"])),
        seconds=round(seconds, 1),
        versions={package: version(package) for package in PACKAGES},
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        command=command,
    )
    model = export_onnx(infnet.module, spread_over(data, splits)) if onnx else None
    save_infnet(folder, infnet, record)
    if model is not None:
        files.write(folder / MODEL, model)
    return record
