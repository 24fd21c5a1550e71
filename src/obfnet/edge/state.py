"""What a device remembers of its bundles over a restart, so that no older one is taken again."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from obfnet import files
from obfnet.bundling.archive import Limits
from obfnet.bundling.keys import PublicKey
from obfnet.bundling.trust import Trust
from obfnet.errors import DeviceStateError, SpecError

SCHEMA = 1


def save(trust: Trust, path: Path) -> None:
    """Write ``trust`` to ``path``, whole or not at all.

    Raises:
        StorageError: it cannot be written; what was there is intact.
    """
    plain = {
        "schema": SCHEMA,
        "keys": sorted(map(str, trust.keys)),
        "first": sorted(map(str, trust.first)),
        "device": trust.device,
        "infnet": trust.infnet,
        "least_version": trust.least_version,
        "limits": asdict(trust.limits),
    }
    files.write(path, json.dumps(plain, indent=1, sort_keys=True) + "\n")


def load(path: Path) -> Trust:
    """The trust that ``save`` wrote.

    Raises:
        DeviceStateError: the file cannot be read, or is not what was written.
    """
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        if plain.pop("schema") != SCHEMA:
            raise ValueError(f"expected schema {SCHEMA}")
        trust = Trust(
            frozenset(map(PublicKey.from_hex, plain.pop("keys"))),
            limits=Limits(**plain.pop("limits")),
            first=frozenset(map(PublicKey.from_hex, plain.pop("first", ()))),
            **plain,
        )
        numbers = (trust.least_version, *asdict(trust.limits).values())
        texts = (trust.device, trust.infnet)
        if not all(type(each) is int for each in numbers) or trust.least_version < 0:
            raise ValueError(f"expected whole numbers, got {numbers}")
        if not trust.keys or not all(each is None or isinstance(each, str) for each in texts):
            raise ValueError("expected at least one key, and names that are texts")
    except Exception as error:  # JSON of any form may stand here
        raise DeviceStateError(
            f"{path} does not tell which bundles this device has had ({error!r}): restore it, or "
            "remove it where nobody but you can, and start from the keys you trust"
        ) from error
    return trust


def keep(trust: Trust, path: Path) -> None:
    """``save``, where ``path`` does not tell this already: a full disk then stops no start.

    Raises:
        DeviceStateError: see ``load``.
        StorageError: see ``save``.
    """
    if not path.exists() or load(path) != trust:
        save(trust, path)


def remembered(path: Path, first: Trust) -> Trust:
    """What ``path`` tells, or ``first`` where the device has had no bundle yet.

    Args:
        path: that ``save`` wrote to, or that is not there.
        first: what the device starts from. What it says of device and InfNet must be what was
            remembered, and its keys those that the device started from then: keys that came by
            rotation are only in ``path``.

    Raises:
        DeviceStateError: see ``load``; a damaged file is not a missing one.
        SpecError: ``first`` is not what the device started from.
    """
    if not path.exists():
        return first
    found = load(path)
    for name in ("device", "infnet"):
        said, wanted = getattr(found, name), getattr(first, name)
        if wanted is not None and wanted != said:
            raise SpecError(
                f"{path} remembers a start for {name} {said!r}, got {wanted!r}: leave it out, "
                "choose another file, or remove this one to start anew"
            )
    if found.first and first.first and found.first != first.first:
        raise SpecError(
            f"{path} remembers a start from the keys {', '.join(sorted(map(str, found.first)))}, "
            f"got {', '.join(sorted(map(str, first.first)))}: give those, or remove {path} to "
            "start from these keys"
        )
    return found
