"""What became of one file of a watched folder, and the answer beside it that tells."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from obfnet import files
from obfnet.errors import StorageError
from obfnet.wire.printable import printable

#: What an answer's name ends with, after the name of its sample's file.
ANSWER = ".answer.json"
#: Bytes that a name may have on the file systems of devices.
_LONGEST_NAME = 255
#: Bytes of an answer: what surrounds its labels, and each of them.
_FRAME, _LABEL = 4096, 24


@dataclass(frozen=True)
class Seen:
    """What became of one file now.

    Args:
        file: of the samples.
        labels: one for each sample, or for the first of them where others are kept; empty where
            there are none yet.
        kept: names in the queue while the backend is away, with spaces between; else empty.
        error: why there will be no answer, else empty.
    """

    file: Path
    labels: tuple[int, ...] = ()
    kept: str = ""
    error: str = ""

    def plain(self) -> Mapping[str, Any]:
        """What is said of it, ready for JSON."""
        said = {"labels": list(self.labels), "kept": self.kept, "error": self.error}
        return {"file": self.file.name, **{name: value for name, value in said.items() if value}}

    def line(self) -> str:
        """The same for people."""
        labels = " ".join(map(str, self.labels))
        return printable(
            f"{self.file.name}: {f'kept as {self.kept}' if self.kept else self.error or labels}"
        )

    def save(self) -> None:
        """Write the answer, whole or not at all.

        Raises:
            StorageError: it cannot be written.
        """
        files.write(answer_of(self.file), json.dumps(self.plain(), allow_nan=False) + "\n")


def answer_of(path: Path) -> Path:
    """Where the answer of a file of samples is."""
    return path.with_name(path.name + ANSWER)


def nameable(path: Path) -> bool:
    """Whether an answer's name is not too long while it is being written."""
    part = f".{path.name}{ANSWER}.{os.getpid()}.part"
    return len(os.fsencode(part)) <= _LONGEST_NAME


def kept(answer: Path) -> Seen | None:
    """What an answer tells of samples that wait; None where it tells of none."""
    try:
        plain = json.loads(answer.read_text(encoding="utf-8"))
        labels, names = plain.get("labels", []), plain.get("kept", "")
        whole = isinstance(labels, list) and all(type(label) is int for label in labels)
    except (ValueError, AttributeError, OSError):  # somebody else's
        return None
    if not whole or not isinstance(names, str) or not names:
        return None
    return Seen(answer.with_name(answer.name.removesuffix(ANSWER)), tuple(labels), names)


def check_room(folder: Path, count: int) -> None:
    """Find out whether an answer of ``count`` labels can be written, before anything is sent.

    Raises:
        StorageError: the disk is full, or the folder cannot be written.
    """
    part = folder / f".{ANSWER}.{os.getpid()}.part"
    try:
        part.write_bytes(bytes(_FRAME + _LABEL * count))
    except OSError as error:
        raise StorageError(
            f"an answer could not be written to {folder} ({error.strerror or error}), so nothing "
            "is sent: free some space or choose another folder"
        ) from error
    finally:
        with suppress(OSError):  # it was never made
            part.unlink()
