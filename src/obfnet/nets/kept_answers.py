"""What a live model has answered: asked once for each sample, and kept if a folder is given."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from obfnet import files
from obfnet.progress import say
from obfnet.specs import Samples
from obfnet.wire.tensor import Array


class KeptAnswers:
    """Answers by their sample's bytes, in memory and optionally in a folder.

    Args:
        folder: one file for each request, whole or absent; files there are read now. One model's
            answers only.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._rows: dict[bytes, Array] = {}
        for path in sorted(folder.glob("*.npz")) if folder is not None else ():
            try:
                with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
                    names, rows = kept["names"], kept["answers"]
            except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
                say(f"{path} is damaged, its samples will be asked again: {error}")
                continue
            self._rows.update(zip((bytes(name) for name in names), rows, strict=True))

    def __contains__(self, name: bytes) -> bool:
        return name in self._rows

    def add(self, names: Sequence[bytes], answers: Array) -> None:
        """Keep the answers ``(n, ...)`` of n samples.

        Raises:
            StorageError: the folder cannot be written; they are kept in memory.
        """
        self._rows.update(zip(names, answers, strict=True))
        if self._folder is not None:
            packed = np.frombuffer(b"".join(names), np.uint8).reshape(len(names), -1)
            content = io.BytesIO()
            np.savez(content, allow_pickle=False, names=packed, answers=answers)
            name = hashlib.sha256(packed.tobytes()).hexdigest()[:32]
            files.write(self._folder / f"{name}.npz", content.getvalue())

    def answers(self, names: Sequence[bytes]) -> Array:
        """The answers ``(n, ...)`` of n samples that all are kept."""
        return np.stack([self._rows[name] for name in names])


def sample_name(sample: Samples) -> bytes:
    """What one sample is kept under: a hash of its values."""
    return hashlib.sha256(np.ascontiguousarray(sample).tobytes()).digest()
