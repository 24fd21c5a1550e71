"""A forge's folder: its spec, and every finished ObfNet as soon as it is finished."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
from torch import Tensor

from obfnet import files
from obfnet.errors import ForgeError, SpecError
from obfnet.forging.job import Factory
from obfnet.forging.loop import Fit, build
from obfnet.forging.obfnet import ObfNet, Table
from obfnet.mechanisms.mechanism import Mechanism
from obfnet.specs import SampleSpec

Spec = Mapping[str, Any]


def open_folder(folder: Path, spec: Spec) -> None:
    """Write ``spec`` to ``folder/forge.json``, or check that it is the same forging again.

    Raises:
        SpecError: the folder holds ObfNets of another spec.
        StorageError: it cannot be written.
    """
    path = folder / "forge.json"
    text = json.dumps(spec, indent=1, sort_keys=True) + "\n"
    if not path.exists():
        files.write(path, text)
        return
    found, wanted = read_spec(folder), json.loads(text)
    ignored = {"versions", "devices", "size"}  # a fleet may grow, and be finished by an update
    differing = [
        key for key in sorted({*found, *wanted} - ignored) if found.get(key) != wanted.get(key)
    ]
    if differing and any(folder.glob("device-*/*.safetensors")):
        raise SpecError(
            f"{folder} holds ObfNets of another forging (it differs in {', '.join(differing)}): "
            "choose another folder, or delete it"
        )
    if found != wanted:
        files.write(path, text)


def read_spec(folder: Path) -> dict[str, Any]:
    """The spec of a forge's folder.

    Raises:
        SpecError: there is none.
    """
    try:
        spec: dict[str, Any] = json.loads((folder / "forge.json").read_text())
    except (OSError, ValueError) as error:
        raise SpecError(f"{folder} is no folder of a forge: {error}") from error
    return spec


def path_of(folder: Path, device: int, member: int) -> Path:
    """Where an ObfNet is kept."""
    return folder / f"device-{device}" / f"{member}.safetensors"


def save(path: Path, obfnet: ObfNet) -> None:
    """Write one finished ObfNet: weights, table, and how it was forged.

    Raises:
        StorageError: the disk is full or the folder cannot be written.
    """
    tensors = {
        f"{half}.{name}": values.contiguous()
        for half in ("encoder", "decoder")
        for name, values in getattr(obfnet, half).state_dict().items()
    }
    record = {"seed": obfnet.seed, "seconds": obfnet.seconds, "fit": asdict(obfnet.fit)}
    files.write(path, safetensors.torch.save(tensors, {"obfnet": json.dumps(record)}))


def load(
    path: Path, encoder: Factory, decoder: Factory | None, mechanism: Mechanism, spec: SampleSpec
) -> ObfNet:
    """The ObfNet that ``save`` wrote.

    Args:
        path: of the file.
        encoder: makes an encoder to put the weights in.
        decoder: likewise; None for a table.
        mechanism: of the forge.
        spec: of a sample.

    Raises:
        ForgeError: the file is damaged, or of other nets.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            record = json.loads(file.metadata()["obfnet"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        made = build(encoder, 0)
        made.load_state_dict(_part(tensors, "encoder."))
        rows = _part(tensors, "decoder.")
        decoding = Table(rows["rows"]) if decoder is None else build(decoder, 0)
        decoding.load_state_dict(rows)
        record["fit"]["history"] = tuple(record["fit"]["history"])
        fit = Fit(**record["fit"])
    except Exception as error:  # safetensors, torch and JSON each have errors of their own
        raise ForgeError(f"{path} cannot be read ({error}): delete it to forge it again") from error
    return ObfNet(
        made.eval(), mechanism, decoding.eval(), spec, record["seed"], record["seconds"], fit
    )


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): values
        for name, values in tensors.items()
        if name.startswith(prefix)
    }
