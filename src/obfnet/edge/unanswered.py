"""Files that wait for their answer, and what was drawn for them: sent again, never drawn again.

A backend that gives no answer could otherwise have as many releases of one sample as it likes.
What is here may hold a raw sample, so it is never on disk; a restart draws afresh.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from obfnet.edge.client import EdgeClient
from obfnet.edge.message import Message
from obfnet.edge.sample_files import read

#: Size and time of change: a file with others is another one.
Stamp = tuple[int, int]


@dataclass
class Unanswered:
    """One file.

    Args:
        stamp: of the file that was read.
        messages: what is left to send; kept out of ``repr``, as is all of a sample.
        labels: of the samples before.
        failures: times that the backend failed on the first message.
    """

    stamp: Stamp
    messages: tuple[Message, ...] = field(repr=False)
    labels: tuple[int, ...] = ()
    failures: int = 0


class UnansweredFiles:
    """At most ``most`` of them; the others wait unprepared, as they are on disk.

    Args:
        client: prepares messages.
        most: files whose messages are held in memory.
    """

    def __init__(self, client: EdgeClient, most: int) -> None:
        self._client = client
        self._most = most
        self._held: dict[Path, Unanswered] = {}

    def of(self, path: Path, stamp: Stamp) -> Unanswered | None:
        """What is held of a file, prepared at its first time; None where no more can be held.

        Raises:
            ObfNetError: see ``sample_files.read`` and ``EdgeClient.prepare_batch``.
        """
        if path not in self._held:
            if len(self._held) >= self._most:
                return None
            self._held[path] = Unanswered(stamp, self._prepared(path))
        return self._held[path]

    def drop(self, path: Path) -> None:
        """Forget a file that has its answer."""
        self._held.pop(path, None)

    def keep(self, stamps: Mapping[Path, Stamp]) -> None:
        """Forget all files but those that are still as they were."""
        self._held = {
            path: each for path, each in self._held.items() if stamps.get(path) == each.stamp
        }

    def _prepared(self, path: Path) -> tuple[Message, ...]:
        samples = read(path, self._client.bundle.manifest.sample)
        agreed = self._client.agreed or self._client.connect()
        most = agreed.most or len(samples)
        return tuple(
            self._client.prepare_batch(samples[start : start + most])
            for start in range(0, len(samples), most)
        )
