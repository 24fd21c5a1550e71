"""Send the samples of a file, request by request, and what waited for the backend before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from obfnet.edge.asking import Asked, ask
from obfnet.edge.client import EdgeClient
from obfnet.edge.queue import Queue
from obfnet.edge.sample_files import read
from obfnet.errors import BackendUnavailableError, MessageRefusedError


@dataclass(frozen=True)
class Sent:
    """What became of one request.

    Args:
        name: the file of its samples, or the name it had in the queue.
        first: place of its first sample in the file; None where that is the only request of it.
        labels: one for each sample, empty where there are none.
        kept: name in the queue where the backend is away, else empty.
        error: why it was given up, else empty.
    """

    name: str
    first: int | None = None
    labels: Sequence[int] = ()
    kept: str = ""
    error: str = ""

    def plain(self) -> Mapping[str, Any]:
        """Ready for JSON, without what is empty."""
        said = {
            "name": self.name,
            "first": self.first,
            "labels": list(self.labels),
            "kept": self.kept,
            "error": self.error,
        }
        return {name: value for name, value in said.items() if value not in (None, "", [])}

    def lines(self) -> list[str]:
        """A line for each answer."""
        if self.kept or self.error:
            said = f"kept as {self.kept}" if self.kept else f"given up: {self.error}"
            return [f"{self._place(0)}: {said}"]
        return [f"{self._place(place)}: {label}" for place, label in enumerate(self.labels)]

    def _place(self, place: int) -> str:
        if self.first is None and len(self.labels) < 2:
            return self.name
        return f"{self.name}[{(self.first or 0) + place}]"


def sent(client: EdgeClient, file: Path, batch: int, queue: Queue | None) -> Iterator[Sent]:
    """Ask about the samples of ``file``, ``batch`` in a request, or keep them in ``queue``.

    Once the backend is away, the rest of the file is kept without trying.

    Raises:
        ObfNetError: see ``sample_files.read`` and ``asking.ask``.
    """
    samples = read(file, client.bundle.manifest.sample)
    away = False
    for start in range(0, len(samples), batch):
        message = client.prepare_batch(samples[start : start + batch])
        asked: Asked = ask(client.send_batch, message, queue, away)
        away = bool(asked.kept)
        first = start if len(samples) > batch else None
        yield Sent(str(file), first, asked.labels, asked.kept)


def drained(client: EdgeClient, queue: Queue, complain: Callable[[str], None]) -> Iterator[Sent]:
    """Send what waits, oldest first, as far as the backend takes it.

    Args:
        client: sends.
        queue: what waits.
        complain: told why the rest goes on waiting.

    Raises:
        DeviceError, BackendError: see ``Queue.drain``; not that the backend is away, nor that it
            refuses the first message for now.
    """
    try:
        for done in queue.drain(client.send_batch):
            labels = () if done.answer is None else tuple(done.answer.tolist())
            yield Sent(done.name, None, labels, error="" if done.error is None else str(done.error))
    except (BackendUnavailableError, MessageRefusedError) as error:
        complain(str(error))
