"""The detached signature of a bundle: over the bytes of its manifest, which name all others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from obfnet.bundling.keys import PublicKey, Rotation, SigningKey
from obfnet.errors import BundleUnsignedError, SpecError

MEMBER = "signature.json"
#: A longer chain of keys is nobody's history.
MOST_ROTATIONS = 16
#: Longer than any signature with all its rotations.
MOST_BYTES = 16_384
_BUNDLE = b"obfnet bundle 2\0"


@dataclass(frozen=True)
class Signature:
    """Who signed a manifest.

    Args:
        key: that signed it.
        value: 64 bytes.
        rotations: oldest first, from a key that devices may still trust to ``key``.
    """

    key: PublicKey
    value: bytes
    rotations: tuple[Rotation, ...] = ()

    def covers(self, manifest: bytes) -> bool:
        """Whether it is the key's signature of exactly these bytes."""
        return self.key.signed(_BUNDLE + manifest, self.value)


def sign(manifest: bytes, key: SigningKey, rotations: Sequence[Rotation] = ()) -> Signature:
    """Sign the bytes of a manifest.

    Args:
        manifest: canonical JSON.
        key: the forge's.
        rotations: for devices that trust an older key, oldest first; the last leads to ``key``.

    Raises:
        SpecError: the rotations are not valid, or do not lead to ``key`` one after another.
    """
    ends = [rotation.new for rotation in rotations]
    starts = [rotation.old for rotation in rotations[1:]] + [key.public]
    broken = not all(rotation.valid for rotation in rotations) or ends != starts[: len(ends)]
    if broken or len(rotations) > MOST_ROTATIONS:
        raise SpecError(
            f"expected at most {MOST_ROTATIONS} rotations, each signed by its old key, that lead "
            "from one key to the next and to the one that signs"
        )
    return Signature(key.public, key.sign(_BUNDLE + manifest), tuple(rotations))


def encode(signature: Signature) -> bytes:
    """Canonical JSON."""
    plain = {
        "key": str(signature.key),
        "rotations": [
            {"new": str(each.new), "old": str(each.old), "signature": each.signature.hex()}
            for each in signature.rotations
        ],
        "signature": signature.value.hex(),
    }
    return json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()


def decode(content: bytes) -> Signature:
    """What ``encode`` wrote.

    Raises:
        BundleUnsignedError: it is too long, no canonical JSON, or something is missing.
    """
    try:
        if len(content) > MOST_BYTES:
            raise ValueError(f"{len(content)} bytes, expected at most {MOST_BYTES}")
        plain = json.loads(content)
        rotations = tuple(
            Rotation(
                PublicKey.from_hex(each["old"]),
                PublicKey.from_hex(each["new"]),
                bytes.fromhex(each["signature"]),
            )
            for each in plain["rotations"]
        )
        value = bytes.fromhex(plain["signature"])
        found = Signature(PublicKey.from_hex(plain["key"]), value, rotations)
        if len(rotations) > MOST_ROTATIONS or encode(found) != content:
            raise ValueError("not canonical")
    except Exception as error:  # JSON of any form may stand here
        raise BundleUnsignedError(f"the bundle's signature cannot be read: {error}") from error
    return found
