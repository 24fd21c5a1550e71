"""The folder of an InfNet that was trained here: its weights, and how they came about."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import nn

from obfnet import files
from obfnet.errors import ForgeError, SpecError
from obfnet.forging.job import Factory
from obfnet.nets.frozen import TorchInfNet, freeze
from obfnet.registry import find

WEIGHTS, RECORD = "infnet.safetensors", "infnet.json"


@dataclass(frozen=True)
class Record:
    """How an InfNet came about.

    Args:
        name: it is registered under.
        shape: of a sample.
        classes: how many it answers with.
        digest: of its parameters and buffers.
        data: the dataset's name, options, digest and how it was split.
        seed: root of the seed tree.
        schedule: fields of the schedule it was trained with.
        validation_accuracy: on the samples that chose its checkpoint.
        test_accuracy: on samples that nothing was chosen on.
        test_accuracy_ci: 95 % interval of it.
        seconds: wall time of training.
        versions: packages it was trained with.
        date: when, UTC, ISO 8601.
        command: what was typed.
    """

    name: str
    shape: tuple[int, ...]
    classes: int
    digest: str
    data: Mapping[str, Any]
    seed: int
    schedule: Mapping[str, Any]
    validation_accuracy: float
    test_accuracy: float
    test_accuracy_ci: tuple[float, float]
    seconds: float
    versions: Mapping[str, str]
    date: str
    command: str


def architecture(name: str, shape: tuple[int, ...], classes: int) -> Factory:
    """What makes the untrained InfNet that is registered as ``name``.

    Raises:
        UnknownNameError: none is.
    """
    return partial(find("infnets", name), shape, classes)


def refuse_taken(folder: Path) -> None:
    """Refuse a folder that holds an InfNet: ObfNets may have been forged for it.

    Raises:
        SpecError: it holds one.
    """
    if (folder / RECORD).exists():
        raise SpecError(
            f"{folder} holds a trained InfNet, and ObfNets may have been forged for it: choose "
            "another folder, or delete it"
        )


def save_infnet(folder: Path, infnet: TorchInfNet, record: Record) -> None:
    """Write weights and record; the record comes last, so that it never stands alone.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    state = {name: values.contiguous() for name, values in infnet.module.state_dict().items()}
    files.write(folder / WEIGHTS, safetensors.torch.save(state))
    files.write(folder / RECORD, json.dumps(asdict(record), indent=1, allow_nan=False) + "\n")


def read_record(folder: Path) -> Record:
    """How the InfNet in ``folder`` came about.

    Raises:
        SpecError: it is no folder of ``obfnet train``.
    """
    try:
        plain = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        pairs = {name: tuple(plain[name]) for name in ("shape", "test_accuracy_ci")}
        return Record(**plain | pairs)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SpecError(
            f"{folder} is no folder that 'obfnet train' wrote ({error!r}): train an InfNet, or "
            "give an ONNX file or a URL"
        ) from error


def load_infnet(folder: Path, outputs: Sequence[int] | None = None) -> TorchInfNet:
    """The InfNet that ``save_infnet`` wrote, frozen, and compared with its digest.

    Args:
        folder: of ``obfnet train``.
        outputs: which of its classes are the data's, in the data's order; by default all.

    Raises:
        SpecError: it is no folder of ``obfnet train``.
        UnknownNameError: its architecture is not registered here.
        ForgeError: the weights are damaged, or others than were written.
    """
    record = read_record(folder)
    factory = architecture(record.name, record.shape, record.classes)
    try:
        module: nn.Module = factory()
        module.load_state_dict(safetensors.torch.load((folder / WEIGHTS).read_bytes()))
    except Exception as error:  # safetensors and torch each have errors of their own
        raise ForgeError(f"{folder / WEIGHTS} cannot be read ({error}): train it again") from error
    infnet = freeze(module, classes=record.classes, outputs=outputs)
    if infnet.digest != record.digest:
        raise ForgeError(
            f"the InfNet in {folder} has digest {infnet.digest[:12]}, expected "
            f"{record.digest[:12]}: its weights were changed; train it again"
        )
    return infnet
