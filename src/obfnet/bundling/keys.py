"""Ed25519 keys: the forge's private one, and the public ones a device trusts."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from obfnet import files
from obfnet.errors import SpecError, StorageError

if TYPE_CHECKING:  # not loaded on a device for this
    from pathlib import Path

#: Bytes of a private key's seed and of a public key.
LENGTH = 32
_ROTATION = b"obfnet key rotation 1\0"


@dataclass(frozen=True)
class PublicKey:
    """Checks signatures.

    Args:
        raw: its 32 bytes (RFC 8032).

    Raises:
        SpecError: another number of bytes.
    """

    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != LENGTH:
            raise SpecError(f"a public key has {LENGTH} bytes, got {len(self.raw)}")

    @classmethod
    def from_hex(cls, text: str) -> PublicKey:
        """The key that ``str(key)`` wrote.

        Raises:
            SpecError: it is not 64 hexadecimal digits.
        """
        try:
            return cls(bytes.fromhex(text.strip()))
        except ValueError as error:
            raise SpecError(f"{text!r} is no public key, expected 64 hex digits") from error

    def __str__(self) -> str:
        return self.raw.hex()

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Whether ``signature`` is this key's of ``message``."""
        try:
            Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
        except (InvalidSignature, ValueError):  # ValueError: no point of the curve
            return False
        return True


@dataclass(frozen=True)
class SigningKey:
    """Signs bundles; whoever has it can hand out ObfNets. Keep it off every device.

    Args:
        seed: its 32 secret bytes; kept out of ``repr`` and thus out of logs.

    Raises:
        SpecError: another number of bytes.
    """

    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.seed) != LENGTH:
            raise SpecError(f"a signing key has {LENGTH} bytes, got {len(self.seed)}")

    @classmethod
    def new(cls) -> SigningKey:
        """A new key, from the operating system's generator."""
        return cls(os.urandom(LENGTH))

    @classmethod
    def load(cls, path: Path) -> SigningKey:
        """The key that ``save`` wrote.

        Raises:
            SpecError: the file cannot be read, or holds no key.
        """
        try:
            return cls(bytes.fromhex(path.read_text(encoding="ascii").strip()))
        except (OSError, ValueError) as error:
            raise SpecError(f"{path} holds no signing key: {error}") from error

    def save(self, path: Path) -> None:
        """Write the key to a new file that only its owner may read.

        Raises:
            StorageError: the file is there already, or cannot be written: no key is overwritten.
        """
        if path.exists():
            raise StorageError(f"{path} exists, and a lost key cannot be made again: move it away")
        with files.replacing(path) as temporary:
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as target:
                target.write(self.seed.hex() + "\n")

    @property
    def public(self) -> PublicKey:
        """What devices are given."""
        return PublicKey(self._private.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        """Its signature of ``message``, 64 bytes."""
        return self._private.sign(message)

    @property
    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


@dataclass(frozen=True)
class Rotation:
    """The old key's word that a new one takes its place.

    Args:
        old: key that devices trust.
        new: key that they are to trust instead.
        signature: of the old key.
    """

    old: PublicKey
    new: PublicKey
    signature: bytes

    @property
    def valid(self) -> bool:
        """Whether the old key said so."""
        return self.old.signed(_ROTATION + self.old.raw + self.new.raw, self.signature)


def rotate(old: SigningKey, new: PublicKey) -> Rotation:
    """Let ``new`` take the place of ``old``; put the result into the bundles that ``new`` signs."""
    return Rotation(old.public, new, old.sign(_ROTATION + old.public.raw + new.raw))
