"""Pack a device's set of ObfNets into one bundle."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version as version_of
from typing import Any

import numpy as np
import torch
from torch import nn

from obfnet import __version__
from obfnet.bundling.archive import Bundle, write
from obfnet.bundling.exported import exported
from obfnet.bundling.formats import Format, find
from obfnet.bundling.gate import Gate
from obfnet.bundling.keys import Rotation, SigningKey
from obfnet.bundling.manifest import Entry, Manifest
from obfnet.bundling.table import StoredTable, store
from obfnet.errors import SpecError
from obfnet.forging.obfnet import ObfNet, Table
from obfnet.forging.sets import ObfNetSet
from obfnet.specs import Samples


def bundle(
    obfnets: ObfNetSet,
    sign_with: SigningKey | None = None,
    *,
    version: int = 1,
    expires: datetime | None = None,
    issued: datetime | None = None,
    rotations: Sequence[Rotation] = (),
    audit: Mapping[str, Any] | None = None,
    precision: str = "float32",
    gate: Gate | None = None,
    format: str = "onnx",
) -> Bundle:
    """Export each ObfNet of a set, compare it with the original, and pack all in one file.

    Args:
        obfnets: one device's set.
        sign_with: the forge's key; without one, no device takes the bundle from a file.
        version: of the set; a device takes none that is older than what it has had.
        expires: when devices stop using it, with a time zone; None for never.
        issued: when it was made, likewise; now by default.
        rotations: for devices that trust an older key, see ``keys.rotate``.
        audit: summary of the set's audit, for people to read.
        precision: of the nets: ``float32``, ``dynamic-int8`` or ``int8``.
        gate: judges every ObfNet by the InfNet's accuracy through it, see ``gate.gate_of``, and
            lets a table be stored in a byte for each value where the InfNet's answers to its
            rows stay. Needed for anything but float32.
        format: of the nets: ``onnx``, or ``litert``, which needs ``obfnet[litert]`` here and
            ``obfnet[edge-litert]`` on the device.

    Raises:
        SpecError: the set is empty, the time has no zone, no such precision or format, or no gate
            for it.
        MissingExtraError: what makes the format is not installed.
        ExportError: an exported net does not answer as the original does, or the InfNet is less
            accurate through it than the gate allows.
    """
    if not isinstance(obfnets, ObfNetSet):
        raise SpecError(f"expected a set from obfnet.forge, got {type(obfnets).__name__}")
    if not obfnets.obfnets:
        raise SpecError("the set is empty, expected at least one ObfNet")
    if precision != "float32" and gate is None:
        raise SpecError(f"{precision} loses some precision: give a gate to judge it by")
    members: dict[str, bytes] = {}
    making = _Making(obfnets.probes, precision, gate, find(format))
    entries = [
        _pack(obfnet, str(position), making, members)
        for position, obfnet in enumerate(obfnets.obfnets)
    ]
    manifest = Manifest(
        infnet=obfnets.infnet,
        sample=obfnets.obfnets[0].spec,
        device=obfnets.device,
        set=_set_id(obfnets),
        version=version,
        issued=(issued or datetime.now(UTC)).isoformat(timespec="seconds"),
        expires="" if expires is None else expires.isoformat(timespec="seconds"),
        audit={} if audit is None else dict(audit),
        obfnets=tuple(entries),
        digests={},
        versions={
            "obfnet": __version__,
            "torch": torch.__version__,
            making.format.package: version_of(making.format.package),
        },
    )
    return write(manifest, members, sign_with, rotations)


def _set_id(obfnets: ObfNetSet) -> str:
    """The same for the same ObfNets, wherever they are packed."""
    seeds = [obfnet.seed for obfnet in obfnets.obfnets]
    return hashlib.sha256(repr((obfnets.infnet, obfnets.device, seeds)).encode()).hexdigest()[:16]


@dataclass(frozen=True, eq=False)
class _Making:
    probes: Samples
    precision: str
    gate: Gate | None
    format: Format


def _pack(obfnet: ObfNet, folder: str, making: _Making, members: dict[str, bytes]) -> Entry:
    encoder = _net(obfnet.encoder, making, lambda samples: samples)
    table = _table(obfnet, making.gate)
    scale, offset, error, cost = 1.0, 0.0, 0.0, obfnet.cost
    if table is None:
        name = f"decoder{making.format.suffix}"
        decoder = _net(obfnet.decoder, making, lambda samples: _released(obfnet, samples))
    else:
        name, decoder = "rows.npy", table.content
        scale, offset, error = table.scale, table.offset, table.error
    entry = Entry(
        mechanism=obfnet.mechanism.name,
        mechanism_args=arguments(obfnet),
        encoder=f"{folder}/encoder{making.format.suffix}",
        decoder=f"{folder}/{name}",
        certificate=obfnet.mechanism.certificate().to_dict(),
        params=cost.params,
        macs=cost.macs,
        validation_accuracy=obfnet.validation_accuracy,
        seed=obfnet.seed,
        seconds=obfnet.seconds,
        precision=making.precision,
        table_scale=scale,
        table_offset=offset,
        table_error=error,
    )
    if making.gate is not None:
        made = exported(entry, encoder, decoder, obfnet.spec)
        making.gate.check(f"ObfNet {folder} as {making.precision}", obfnet, made)
    members |= {entry.encoder: encoder, entry.decoder: decoder}
    return entry


def _net(module: nn.Module, making: _Making, inputs: Callable[[Samples], Samples]) -> bytes:
    """The file of a half, which is given ``inputs`` of a sample."""
    ranges = None if making.gate is None else inputs(making.gate.calibration)
    return making.format.export(module, inputs(making.probes), making.precision, ranges)


def arguments(obfnet: ObfNet) -> dict[str, object]:
    """The fields of the ObfNet's mechanism, from which a device makes it again."""
    return asdict(obfnet.mechanism)  # type: ignore[call-overload, no-any-return]


def _table(obfnet: ObfNet, gate: Gate | None) -> StoredTable | None:
    """The stored form of a codebook's rows; None for another decoder."""
    if not isinstance(obfnet.decoder, Table):
        return None
    rows = obfnet.decoder.rows.numpy()
    each = rows.reshape(-1, *obfnet.spec.shape)
    return store(rows, obfnet.spec, None if gate is None else gate.answers_alike(each))


def _released(obfnet: ObfNet, probes: Samples) -> Samples:
    with torch.inference_mode():
        code = obfnet.encoder(torch.from_numpy(probes)).numpy()
    return np.asarray(obfnet.mechanism.release(code), dtype=np.float32)
