"""Messages that wait on disk for a backend that is away: obfuscated ones only."""

from __future__ import annotations

import errno
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from obfnet import files
from obfnet.edge.entry import decode, encode
from obfnet.edge.message import Message
from obfnet.errors import (
    MessageRefusedError,
    ObfNetError,
    QueueDamagedError,
    QueueLimitError,
    RawMessageError,
    SpecError,
    StorageError,
)

T = TypeVar("T")
#: Place in the order, what tells apart two of one place, and how often it was refused.
_NAME = re.compile(r"(\d{16})-([0-9a-f]{16})\.(\d+)")


@dataclass(frozen=True)
class Drained(Generic[T]):
    """What became of one message, which has left the queue.

    Args:
        name: of its entry.
        answer: what sending it gave, None if it was given up.
        error: why it was given up, None if it was sent.
    """

    name: str
    answer: T | None
    error: ObfNetError | None


class Queue:
    """A folder of messages, first in, first out; each is a file that is whole or absent.

    One program uses it at a time; its threads may put while one of them drains.

    Args:
        folder: only this queue's; made if it is not there.
        most_bytes: of all entries together.
        refusals: times that a backend may refuse a message before it is given up.

    Raises:
        SpecError: a limit below 1.
        StorageError: the folder cannot be made or read.
    """

    def __init__(self, folder: Path, most_bytes: int, refusals: int = 3) -> None:
        if most_bytes < 1 or refusals < 1:
            raise SpecError(
                f"expected most_bytes and refusals of 1 or more, got {most_bytes} and {refusals}"
            )
        self.folder = folder
        self._most_bytes = most_bytes
        self._refusals = refusals
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"queue {folder} cannot be made: {error}") from error
        for left in self._list(r"\..*\.part"):  # a crash came between write and rename
            left.unlink(missing_ok=True)

    def __len__(self) -> int:
        return len(self._entries())

    @property
    def bytes(self) -> int:
        """Of all entries together."""
        return sum(map(_size, self._entries()))

    def names(self) -> list[str]:
        """Of the entries, oldest first."""
        return [path.name for path in self._entries()]

    def withdraw(self, name: str) -> None:
        """Take out a message unsent, if it is there.

        Args:
            name: of its entry, without its count of refusals.

        Raises:
            StorageError: it cannot be removed.
        """
        for path in self._entries():
            if path.stem == name:
                _remove(path)

    def put(self, message: Message) -> str:
        """Keep a message at the end; returns the name of its entry.

        Raises:
            RawMessageError: not every sample in it is obfuscated.
            QueueLimitError: it would go beyond ``most_bytes``: the newest is refused, as the
                older ones were promised a place.
            StorageError: the disk is full or cannot be written; the queue is as it was.
        """
        if not isinstance(message, Message) or message.obfuscated is not True:
            raise RawMessageError("only obfuscated messages are kept on disk; send this one now")
        content = encode(message)
        waiting = self._entries()
        used = sum(map(_size, waiting))
        if used + len(content) > self._most_bytes:
            raise QueueLimitError(
                f"the queue holds {used} of {self._most_bytes} bytes, {len(content)} more do not "
                "fit: drain it first, or allow more"
            )
        place = int(waiting[-1].name[:16]) + 1 if waiting else 0
        name = f"{place:016d}-{secrets.token_hex(8)}.0"
        files.write(self.folder / name, content)
        return name

    def drain(self, send: Callable[[Message], T]) -> Iterator[Drained[T]]:
        """Send what waits, oldest first, and tell what became of each as soon as it is known.

        A message leaves the queue when it was sent, when it is damaged, or when the backend has
        refused this very message ``refusals`` times. Any other error of ``send`` ends the
        draining with that error, and the message stays first. A crash between sending and
        removing sends the same bytes once more, which tells the backend nothing new.

        Args:
            send: sends one message, ``client.send_batch`` for example.

        Raises:
            BackendError, DeviceError: what ``send`` raised; the next drain begins with this one.
            StorageError: an entry cannot be read or removed.
        """
        for path in self._entries():
            if path.exists():  # or it was withdrawn meanwhile
                yield self._sent(path, send)

    def _sent(self, path: Path, send: Callable[[Message], T]) -> Drained[T]:
        try:
            message = decode(path.name, _read(path))
            answer = send(message)
        except QueueDamagedError as error:
            return self._given_up(path, error)
        except MessageRefusedError as error:
            stem, _, refused = path.name.rpartition(".")
            if int(refused) + 1 >= self._refusals:
                return self._given_up(path, error)
            with suppress(OSError):  # then it is tried once more than promised
                path.rename(path.with_name(f"{stem}.{int(refused) + 1}"))
            raise
        _remove(path)
        return Drained(path.name, answer, None)

    def _given_up(self, path: Path, error: ObfNetError) -> Drained[T]:
        _remove(path)
        return Drained(path.name, None, error)

    def _entries(self) -> list[Path]:
        return self._list(_NAME.pattern)

    def _list(self, form: str) -> list[Path]:
        try:
            return sorted(each for each in self.folder.iterdir() if re.fullmatch(form, each.name))
        except OSError as error:
            raise StorageError(f"queue {self.folder} cannot be read: {error}") from error


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):  # drained meanwhile
        return path.stat().st_size
    return 0


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        if error.errno == errno.EIO:  # what a worn card answers for good
            raise QueueDamagedError(f"entry {path.name} cannot be read: {error}") from error
        raise StorageError(f"{path} cannot be read: {error}") from error


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"{path} was dealt with and cannot be removed: {error}") from error
