"""Pack a device's set of ObfNets into one bundle."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version as version_of
from typing import Any

import numpy as np
import torch

from obfnet import __version__
from obfnet.bundling.archive import Bundle, write
from obfnet.bundling.keys import Rotation, SigningKey
from obfnet.bundling.manifest import Entry, Manifest
from obfnet.bundling.onnx_export import export_onnx
from obfnet.errors import SpecError
from obfnet.forging.obfnet import ObfNet, Table
from obfnet.forging.sets import ObfNetSet
from obfnet.nets.cost import macs, parameters
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

    Raises:
        SpecError: the set is empty, or the time has no zone.
        ExportError: an exported net does not answer as the original does.
    """
    if not isinstance(obfnets, ObfNetSet):
        raise SpecError(f"expected a set from obfnet.forge, got {type(obfnets).__name__}")
    if not obfnets.obfnets:
        raise SpecError("the set is empty, expected at least one ObfNet")
    members: dict[str, bytes] = {}
    entries = [
        _pack(obfnet, str(position), obfnets.probes, members)
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
        versions={"obfnet": __version__, "torch": torch.__version__, "onnx": version_of("onnx")},
    )
    return write(manifest, members, sign_with, rotations)


def _set_id(obfnets: ObfNetSet) -> str:
    """The same for the same ObfNets, wherever they are packed."""
    seeds = [obfnet.seed for obfnet in obfnets.obfnets]
    return hashlib.sha256(repr((obfnets.infnet, obfnets.device, seeds)).encode()).hexdigest()[:16]


def _pack(obfnet: ObfNet, folder: str, probes: Samples, members: dict[str, bytes]) -> Entry:
    encoder = f"{folder}/encoder.onnx"
    members[encoder] = export_onnx(obfnet.encoder, probes)
    decoder, members_decoder = _decoder(obfnet, probes)
    members[f"{folder}/{decoder}"] = members_decoder
    return Entry(
        mechanism=obfnet.mechanism.name,
        mechanism_args=arguments(obfnet),
        encoder=encoder,
        decoder=f"{folder}/{decoder}",
        certificate=obfnet.mechanism.certificate().to_dict(),
        params=parameters(obfnet.encoder) + parameters(obfnet.decoder),
        macs=macs(obfnet.encoder, obfnet.spec.shape) + _decoder_macs(obfnet, probes),
        validation_accuracy=obfnet.validation_accuracy,
        seed=obfnet.seed,
        seconds=obfnet.seconds,
    )


def arguments(obfnet: ObfNet) -> dict[str, object]:
    """The fields of the ObfNet's mechanism, from which a device makes it again."""
    return asdict(obfnet.mechanism)  # type: ignore[call-overload, no-any-return]


def _decoder(obfnet: ObfNet, probes: Samples) -> tuple[str, bytes]:
    if isinstance(obfnet.decoder, Table):
        buffer = io.BytesIO()
        np.save(buffer, obfnet.decoder.rows.numpy(), allow_pickle=False)
        return "rows.npy", buffer.getvalue()
    return "decoder.onnx", export_onnx(obfnet.decoder, _released(obfnet, probes))


def _decoder_macs(obfnet: ObfNet, probes: Samples) -> int:
    if isinstance(obfnet.decoder, Table):
        return 0
    return macs(obfnet.decoder, _released(obfnet, probes[:1]).shape[1:])


def _released(obfnet: ObfNet, probes: Samples) -> Samples:
    with torch.inference_mode():
        code = obfnet.encoder(torch.from_numpy(probes)).numpy()
    return np.asarray(obfnet.mechanism.release(code), dtype=np.float32)
