"""The secret that pins a device's choices to its samples. It never leaves the device."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from obfnet import files
from obfnet.errors import DeviceKeyError

LENGTH = 32
_OTHERS = 0o077


@dataclass(frozen=True)
class DeviceKey:
    """Whoever has it and the bundle can tell which sample a message may come from.

    Args:
        raw: its 32 secret bytes; kept out of ``repr`` and thus out of logs.

    Raises:
        DeviceKeyError: another number of bytes.
    """

    raw: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.raw, bytes) or len(self.raw) != LENGTH:
            raise DeviceKeyError(f"expected a device key of {LENGTH} bytes; make one with new()")

    @classmethod
    def new(cls) -> DeviceKey:
        """A new key, from the operating system's generator."""
        return cls(os.urandom(LENGTH))

    @classmethod
    def load(cls, path: Path) -> DeviceKey:
        """The key that ``save`` wrote.

        Raises:
            DeviceKeyError: the file cannot be read, holds no key, or is open to other users.
        """
        try:
            with path.open("rb") as source:
                mode = os.fstat(source.fileno()).st_mode
                content = source.read(LENGTH + 1)
        except (OSError, ValueError) as error:  # ValueError: a path with a zero byte
            raise DeviceKeyError(f"device key {path} cannot be read: {error}") from error
        if os.name == "posix" and mode & _OTHERS:
            raise DeviceKeyError(
                f"device key {path} is open to other users (mode {mode & 0o777:o}), expected 600: "
                "others may know it; remove it and let the device make a new one"
            )
        if len(content) != LENGTH:
            raise DeviceKeyError(f"device key {path} is damaged: expected exactly {LENGTH} bytes")
        return cls(content)

    @classmethod
    def kept(cls, path: Path) -> DeviceKey:
        """The key at ``path``, made there if there is none yet.

        A device that loses its key makes another one: repeats of older samples then count as
        released once more.

        Raises:
            DeviceKeyError: see ``load``; a damaged key is not replaced.
            StorageError: a new key cannot be kept, so there is none.
        """
        if not path.exists():
            cls.new().save(path)
        return cls.load(path)

    def save(self, path: Path) -> None:
        """Write the key to a new file that only its owner may read.

        Raises:
            DeviceKeyError: the file is there already; no key is overwritten.
            StorageError: it cannot be written.
        """
        if path.exists():
            raise DeviceKeyError(f"{path} exists and may hold a key: move it away")
        with files.replacing(path) as temporary:
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as target:
                target.write(self.raw)
