"""Ask about every sample that appears in a folder, for as long as the device is on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event

from obfnet.edge.asking import ask, name_of
from obfnet.edge.client import EdgeClient
from obfnet.edge.message import Message
from obfnet.edge.queue import Drained, Queue
from obfnet.edge.sample_files import READERS
from obfnet.edge.seen import ANSWER, Seen, answer_of, check_room, kept, nameable
from obfnet.edge.unanswered import Stamp, Unanswered, UnansweredFiles
from obfnet.errors import (
    BackendUnavailableError,
    MessageFailedError,
    MessageRefusedError,
    MissingExtraError,
    ObfNetError,
    ObfuscationFailedError,
    ProtocolError,
    QueueDamagedError,
    QueueLimitError,
    RawMessageError,
    SampleRejectedError,
    StorageError,
)
from obfnet.specs import Labels

#: Files whose messages are held in memory until they are answered.
MOST_HELD = 100
#: Complaints that are remembered, so as not to be made again.
MOST_REASONS = 100
#: Looks at which a backend may fail on the same message before its file is given up, as many as
#: the drains of a queue.
FAILURES = 3


class Watch:
    """Answers the files of a folder, each once; what it knows is in the files beside them.

    A file is taken up when it has not changed between two looks, so that one that is still being
    written is left alone. ``NAME.answer.json`` beside it tells what became of it, over a restart
    too; a file without one is new. What was drawn for a file is sent again until it is answered,
    so that a backend that gives no answer gets no second release of it; only a restart, or a
    change of the file, draws afresh.

    Args:
        folder: to look into; folders inside it are not.
        client: asks.
        queue: where obfuscated samples wait for a backend that is away; without one their files
            are looked at again until it is back.
        report: told of each file as soon as something becomes of it.
        complain: told why a file waits, once until something goes well.
        most_held: files whose messages are held in memory at once; the others wait on disk.

    Raises:
        StorageError: the folder or the queue cannot be read.
    """

    def __init__(
        self,
        folder: Path,
        client: EdgeClient,
        queue: Queue | None = None,
        report: Callable[[Seen], None] = lambda seen: None,
        complain: Callable[[str], None] = lambda reason: None,
        most_held: int = MOST_HELD,
    ) -> None:
        self._folder = folder
        self._client = client
        self._queue = queue
        self._report = report
        self._complain = complain
        self._complained: set[str] = set()
        self._looks: dict[Path, Stamp] = {}
        self._skipped: set[Path] = set()
        self._unanswered = UnansweredFiles(client, most_held)
        self._kept: dict[str, Seen] = {}
        self._remember()

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
                backend is not believed or has another model: somebody must act, and nothing is
                sent meanwhile.
            StorageError: an answer cannot be written; nothing is sent without room for it.
        """
        ready = self._ready()
        if not ready and not self._queue:
            return
        away = not (self._agreed() and self._drained())
        for path in ready:
            if (stop is not None and stop.is_set()) or (away and self._queue is None):
                return
            away = not self._answered(path, away)

    def _agreed(self) -> bool:
        """Whether the backend is there, as far as anyone knows; asked once, of no file."""
        try:
            self._client.connect()
        except BackendUnavailableError as error:
            self._wait(error)
            return False
        return True

    def _answered(self, path: Path, away: bool) -> bool:
        """Answer one file; whether the backend is there, as far as anyone knows."""
        try:
            asking = self._unanswered.of(path, self._looks[path])
        except (SampleRejectedError, MissingExtraError) as error:
            self._tell(Seen(path, error=str(error)))
            return not away
        except (BackendUnavailableError, ObfuscationFailedError) as error:
            self._wait(error)
            return not away and not isinstance(error, BackendUnavailableError)
        if asking is None:
            return not away
        try:
            names = self._asked(asking, away)
        except (BackendUnavailableError, RawMessageError, QueueLimitError) as error:
            self._wait(error)
            return False
        except (MessageRefusedError, ProtocolError) as error:
            asking.failures += 1
            if isinstance(error, MessageFailedError) and asking.failures < FAILURES:
                self._wait(error)
            else:
                self._tell(Seen(path, error=str(error)))
            return True
        if not names:
            self._complained.clear()
        self._tell(Seen(path, asking.labels, " ".join(names)))
        return not names

    def _asked(self, asking: Unanswered, away: bool) -> list[str]:
        """Send what is left of a file; the names in the queue of what is kept instead."""
        names: list[str] = []
        try:
            for message in asking.messages:
                asked = ask(self._send, message, self._queue, away or bool(names))
                if asked.kept:
                    names.append(asked.kept)
                else:
                    asking.messages = asking.messages[1:]
                    asking.labels += asked.labels
                    asking.failures = 0
        except ObfNetError:
            self._withdraw(names)
            raise
        return names

    def _send(self, message: Message) -> Labels:
        check_room(self._folder, message.count)
        return self._client.send_batch(message)

    def _send_kept(self, message: Message) -> Labels:
        try:
            return self._send(message)
        except ProtocolError as error:  # of this answer: the backend was agreed with before
            raise MessageRefusedError(str(error)) from error

    def _drained(self) -> bool:
        """Send what waits; whether the backend was there for it."""
        if self._queue is None:
            return True
        try:
            for done in self._queue.drain(self._send_kept):
                if done.error is None:
                    self._complained.clear()
                self._settle(done)
        except (BackendUnavailableError, MessageRefusedError) as error:
            self._wait(error)
            return not isinstance(error, BackendUnavailableError)
        return True

    def _settle(self, done: Drained[Labels]) -> None:
        name = name_of(done.name)
        labels = () if done.answer is None else tuple(done.answer.tolist())
        error = "" if done.error is None else str(done.error)
        before = self._kept.pop(name, None)
        if before is None:  # of another program, or of a file whose answer was taken away
            self._report(Seen(Path(done.name), labels, error=error))
            return
        others = [each for each in before.kept.split() if each != name]
        if done.error is None:
            self._tell(Seen(before.file, (*before.labels, *labels), " ".join(others)))
            return
        self._withdraw(others)
        if isinstance(done.error, QueueDamagedError):
            self._complain(error)
            _forget(answer_of(before.file))  # so that it is asked about again
        else:
            self._tell(Seen(before.file, error=error))

    def _wait(self, error: ObfNetError) -> None:
        reason = str(error)
        if reason in self._complained:
            return
        if len(self._complained) >= MOST_REASONS:  # a backend may say something new each time
            self._complained.clear()
        self._complained.add(reason)
        self._complain(reason)

    def _tell(self, seen: Seen) -> None:
        names = seen.kept.split()
        try:
            seen.save()
        except StorageError:
            self._withdraw(names)  # its answer would be looked for in vain
            raise
        self._unanswered.drop(seen.file)
        self._kept.update(dict.fromkeys(names, seen))
        self._report(seen)

    def _withdraw(self, names: list[str]) -> None:
        for name in names:
            self._kept.pop(name, None)
            if self._queue is not None:
                self._queue.withdraw(name)

    def _ready(self) -> list[Path]:
        """Files without an answer that have not changed since the last look, by name."""
        before, self._looks = self._looks, {}
        for path in self._list():
            if path.suffix.lower() in READERS:
                try:
                    if not nameable(path):
                        self._skip(path, "its name is too long for an answer beside it")
                    elif not answer_of(path).exists():
                        found = path.stat()
                        self._looks[path] = found.st_size, found.st_mtime_ns
                except FileNotFoundError:  # taken away meanwhile
                    continue
                except OSError as error:
                    self._skip(path, error.strerror or repr(error))
        self._unanswered.keep(self._looks)
        return [path for path, stamp in self._looks.items() if before.get(path) == stamp]

    def _skip(self, path: Path, reason: str) -> None:
        if path not in self._skipped:
            self._skipped.add(path)
            self._complain(f"{path} is skipped: {reason}")

    def _remember(self) -> None:
        """What waits in the queue, from the answers; one that waits for nothing is taken away."""
        there = set() if self._queue is None else set(map(name_of, self._queue.names()))
        for path in self._list():
            seen = kept(path) if path.name.endswith(ANSWER) else None
            if seen is None:
                continue
            names = seen.kept.split()
            if self._queue is None or there.issuperset(names):
                self._kept.update(dict.fromkeys(names, seen))
            else:  # a crash or a full disk came between sending and answering
                self._withdraw(names)
                _forget(path)

    def _list(self) -> list[Path]:
        try:
            return sorted(each for each in self._folder.iterdir() if not each.name.startswith("."))
        except OSError as error:
            raise StorageError(f"folder {self._folder} cannot be read: {error}") from error


def _forget(answer: Path) -> None:
    try:
        answer.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"{answer} is of no use and cannot be removed: {error}") from error
