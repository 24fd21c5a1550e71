"""One bundle for each device of a fleet, beside its ObfNets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from obfnet.bundling.archive import open_bundle
from obfnet.bundling.pack import arguments, bundle
from obfnet.errors import BundleRejectedError
from obfnet.forging.sets import ObfNetSet
from obfnet.progress import track

SUFFIX = ".obfnet"


def bundle_fleet(fleet: Sequence[ObfNetSet], folder: Path) -> list[Path]:
    """Write ``folder/DEVICE.obfnet`` for each device, but for those that are there and current.

    Raises:
        ExportError: an exported net does not answer as the original does.
        StorageError: the disk is full or the folder cannot be written.
    """
    paths = []
    for obfnets in track(fleet, "bundle", len(fleet)):
        path = folder / f"{obfnets.device}{SUFFIX}"
        if not _is_current(path, obfnets):
            bundle(obfnets).save(path)
        paths.append(path)
    return paths


def _is_current(path: Path, obfnets: ObfNetSet) -> bool:
    """Whether the file is a whole bundle of exactly these ObfNets."""
    if not path.exists():
        return False
    try:
        manifest = open_bundle(path).manifest
    except BundleRejectedError:  # damaged, or of an older schema
        return False
    found = [(each.seed, each.mechanism, each.mechanism_args) for each in manifest.obfnets]
    wanted = [(each.seed, each.mechanism.name, arguments(each)) for each in obfnets.obfnets]
    belongs = (manifest.infnet, manifest.device) == (obfnets.infnet, obfnets.device)
    return belongs and found == wanted
