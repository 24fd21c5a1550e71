"""Ask about every sample that appears in a folder, for as long as the device is on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from obfnet import files
from obfnet.edge.asking import ask, name_of
from obfnet.edge.client import EdgeClient
from obfnet.edge.queue import Drained, Queue
from obfnet.edge.sample_files import READERS, read
from obfnet.errors import (
    BackendUnavailableError,
    MessageRefusedError,
    ObfNetError,
    ObfuscationFailedError,
    QueueDamagedError,
    QueueLimitError,
    RawMessageError,
    SampleRejectedError,
    StorageError,
)
from obfnet.specs import Labels

#: What an answer's name ends with, after the name of its sample's file.
ANSWER = ".answer.json"
#: The file's own fault: it is answered with the error, and the others go on.
_OF_ONE = (SampleRejectedError, MessageRefusedError)
#: The file stays as it is, and is looked at again. Any error that is neither ends the watch, as it
#: would meet each file alike.
_LATER = (BackendUnavailableError, ObfuscationFailedError, RawMessageError, QueueLimitError)


@dataclass(frozen=True)
class Seen:
    """What became of one file now.

    Args:
        file: of the samples.
        labels: one for each sample, empty where there are none yet.
        kept: name in the queue while the backend is away, else empty.
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
        if self.kept or self.error:
            return f"{self.file.name}: " + (f"kept as {self.kept}" if self.kept else self.error)
        return f"{self.file.name}: {' '.join(map(str, self.labels))}"


class Watch:
    """Answers the files of a folder, each once; what it knows is in the files beside them.

    A file is taken up when it has not changed between two looks, so that one that is still being
    written is left alone. ``NAME.answer.json`` beside it tells what became of it, over a restart
    too; a file without one is new.

    Args:
        folder: to look into; folders inside it are not.
        client: asks.
        queue: where obfuscated samples wait for a backend that is away; without one their files
            are looked at again until it is back.
        report: told of each file as soon as something becomes of it.
        complain: told why a file waits, once until something goes well.

    Raises:
        StorageError: the folder cannot be read.
    """

    def __init__(
        self,
        folder: Path,
        client: EdgeClient,
        queue: Queue | None = None,
        report: Callable[[Seen], None] = lambda seen: None,
        complain: Callable[[str], None] = lambda reason: None,
    ) -> None:
        self._folder = folder
        self._client = client
        self._queue = queue
        self._report = report
        self._complain = complain
        self._complained = ""
        self._looks: dict[Path, tuple[int, int]] = {}
        self._kept = dict(self._waiting())

    def until(self, stop: Event, every: float) -> None:
        """Look every ``every`` seconds until ``stop`` is set; what has begun is finished first.

        Raises:
            ObfNetError: what no file is to blame for; see ``look``.
        """
        while not stop.is_set():
            self.look(stop)
            stop.wait(every)

    def look(self, stop: Event | None = None) -> None:
        """Send what waits in the queue, then what is new in the folder.

        Raises:
            DeviceError, BackendError: the bundle's time is over, the token cannot be had, the
                backend is not believed: somebody must act, and nothing is sent meanwhile.
            StorageError: an answer cannot be written.
        """
        away = not self._drained()
        for path in self._ready():
            if stop is not None and stop.is_set():
                return
            if away and self._queue is None:
                return
            away = not self._answered(path, away)

    def _answered(self, path: Path, away: bool) -> bool:
        """Answer one file; whether the backend is there, as far as anyone knows."""
        try:
            samples = read(path, self._client.bundle.manifest.sample)
            asked = ask(self._client, samples, self._queue, away)
        except _OF_ONE as error:
            self._tell(Seen(path, error=str(error)))
        except _LATER as error:
            self._wait(error)
            return not isinstance(error, BackendUnavailableError | RawMessageError)
        else:
            if asked.kept:
                self._kept[asked.kept] = path
            else:
                self._complained = ""
            self._tell(Seen(path, asked.labels, asked.kept))
            return not asked.kept
        return not away

    def _drained(self) -> bool:
        """Send what waits; whether the backend was there for it."""
        if self._queue is None or not len(self._queue):
            return True
        try:
            for done in self._queue.drain(self._client.send_batch):
                self._settle(done)
        except (BackendUnavailableError, MessageRefusedError) as error:
            self._wait(error)
            return not isinstance(error, BackendUnavailableError)
        return True

    def _settle(self, done: Drained[Labels]) -> None:
        path = self._kept.pop(name_of(done.name), None)
        labels = () if done.answer is None else tuple(done.answer.tolist())
        error = "" if done.error is None else str(done.error)
        if path is None:  # of another program, or of a file whose answer was taken away
            self._report(Seen(Path(done.name), labels, error=error))
        elif isinstance(done.error, QueueDamagedError):
            self._complain(error)
            _answer(path).unlink(missing_ok=True)  # so that it is asked about again
        else:
            self._tell(Seen(path, labels, error=error))

    def _wait(self, error: ObfNetError) -> None:
        if str(error) != self._complained:
            self._complained = str(error)
            self._complain(self._complained)

    def _tell(self, seen: Seen) -> None:
        text = json.dumps(seen.plain(), allow_nan=False)
        files.write(_answer(seen.file), text + "\n")
        self._report(seen)

    def _ready(self) -> list[Path]:
        """Files without an answer that have not changed since the last look, by name."""
        before, self._looks = self._looks, {}
        ready = []
        for path in self._list():
            if path.suffix.lower() in READERS and not _answer(path).exists():
                try:
                    found = path.stat()
                except FileNotFoundError:  # taken away meanwhile
                    continue
                self._looks[path] = found.st_size, found.st_mtime_ns
                if before.get(path) == self._looks[path]:
                    ready.append(path)
        return ready

    def _waiting(self) -> Iterator[tuple[str, Path]]:
        """The files whose samples wait in the queue, by their names there, from the answers."""
        for path in self._list():
            if path.name.endswith(ANSWER):
                try:
                    kept = json.loads(path.read_text(encoding="utf-8")).get("kept", "")
                except (ValueError, AttributeError, OSError):  # somebody else's
                    continue
                if kept and isinstance(kept, str):
                    yield kept, path.with_name(path.name.removesuffix(ANSWER))

    def _list(self) -> list[Path]:
        try:
            return sorted(each for each in self._folder.iterdir() if not each.name.startswith("."))
        except OSError as error:
            raise StorageError(f"folder {self._folder} cannot be read: {error}") from error


def _answer(path: Path) -> Path:
    return path.with_name(path.name + ANSWER)
