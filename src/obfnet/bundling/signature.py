"""The detached signature of a bundle: over its manifest, which names all other members."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from obfnet.bundling.container import Packed
from obfnet.bundling.keys import PublicKey, Rotation, SigningKey
from obfnet.errors import BundleUnsignedError, SpecError

MEMBER = "signature.json"
#: A longer chain of keys is nobody's history.
MOST_ROTATIONS = 16
#: Longer than any signature with all its rotations.
MOST_BYTES = 16_384
_BUNDLE = b"obfnet bundle 3\0"


@dataclass(frozen=True)
class Signature:
    """Who signed a manifest.

    Args:
        key: that signed it.
        packed: digest of the manifest as it lies in the file, signed with it: nothing else can be
            inflated to the same manifest.
        value: 64 bytes.
        rotations: oldest first, from a key that devices may still trust to ``key``.
    """

    key: PublicKey
    packed: str
    value: bytes
    rotations: tuple[Rotation, ...] = ()

    def covers(self, manifest: bytes) -> bool:
        """Whether it is the key's signature of exactly these bytes, packed as it says."""
        return self.key.signed(_message(self.packed, manifest), self.value)


def sign(manifest: Packed, key: SigningKey, rotations: Sequence[Rotation] = ()) -> Signature:
    """Sign a manifest.

    Args:
        manifest: canonical JSON, as a member.
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
    value = key.sign(_message(manifest.digest, manifest.unpack()))
    return Signature(key.public, manifest.digest, value, tuple(rotations))


def encode(signature: Signature) -> bytes:
    """Canonical JSON."""
    plain = {
        "key": str(signature.key),
        "packed": signature.packed,
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
        key, packed = PublicKey.from_hex(plain["key"]), bytes.fromhex(plain["packed"]).hex()
        found = Signature(key, packed, value, rotations)
        if len(rotations) > MOST_ROTATIONS or encode(found) != content:
            raise ValueError("not canonical")
    except Exception as error:  # JSON of any form may stand here
        raise BundleUnsignedError(f"the bundle's signature cannot be read: {error}") from error
    return found


def _message(packed: str, manifest: bytes) -> bytes:
    return _BUNDLE + bytes.fromhex(packed) + manifest
