"""One bundle for each device of a fleet, beside its ObfNets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from obfnet.bundling.archive import bytes_of, open_bundle
from obfnet.bundling.formats import find
from obfnet.bundling.gate import Gate
from obfnet.bundling.keys import SigningKey
from obfnet.bundling.pack import arguments, bundle
from obfnet.bundling.trust import trusting, verify
from obfnet.errors import BundleRejectedError
from obfnet.forging.sets import ObfNetSet
from obfnet.progress import track

SUFFIX = ".obfnet"
#: Of the nets in them.
FORMAT = "onnx"


def bundle_fleet(
    fleet: Sequence[ObfNetSet],
    folder: Path,
    sign_with: SigningKey | None = None,
    precision: str = "float32",
    gate: Gate | None = None,
) -> list[Path]:
    """Write ``folder/DEVICE.obfnet`` for each device, but for those that are there and current.

    Args:
        fleet: of one forging.
        folder: where the files go.
        sign_with: as for :func:`pack.bundle`; a bundle of another signer, or altered since, is made
            again.
        precision: likewise; a bundle of another precision is made again.
        gate: likewise.

    Raises:
        SpecError: no such precision, or no gate for it.
        ExportError: an exported net does not answer as the original does.
        StorageError: the disk is full or the folder cannot be written.
    """
    paths = []
    for obfnets in track(fleet, "bundle", len(fleet)):
        path = folder / f"{obfnets.device}{SUFFIX}"
        if not _is_current(path, obfnets, sign_with, precision):
            made = bundle(obfnets, sign_with, precision=precision, gate=gate, format=FORMAT)
            made.save(path)
        paths.append(path)
    return paths


def _is_current(path: Path, obfnets: ObfNetSet, key: SigningKey | None, precision: str) -> bool:
    """Whether the file is a whole bundle of exactly these ObfNets, in this form."""
    if not path.exists():
        return False
    try:
        made = open_bundle(path) if key is None else verify(bytes_of(path), trusting(key.public))
    except BundleRejectedError:  # damaged, altered, expired, of another signer or older schema
        return False
    if key is None and made.signature is not None:
        return False
    manifest = made.manifest
    found = [
        (each.seed, each.mechanism, each.mechanism_args, each.precision, Path(each.encoder).suffix)
        for each in manifest.obfnets
    ]
    wanted = [
        (each.seed, each.mechanism.name, arguments(each), precision, find(FORMAT).suffix)
        for each in obfnets.obfnets
    ]
    belongs = (manifest.infnet, manifest.device) == (obfnets.infnet, obfnets.device)
    return belongs and found == wanted
