"""Run the backend as a process of its own, which never outlives the one that started it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from obfnet import files
from obfnet.errors import (
    BackendUnavailableError,
    ModelLoadError,
    ObfNetError,
    PortTakenError,
    SpecError,
)
from obfnet.progress import say
from obfnet.serving.launch import run
from obfnet.serving.settings import PREFIX, Settings, environment, gather

_REPORTED = {kind.__name__: kind for kind in (ModelLoadError, PortTakenError, SpecError)}
_STOP_SECONDS = 5  # beyond the drain, before the process is killed


@contextmanager
def running(settings: Settings, start_seconds: float = 60) -> Iterator[str]:
    """Serve from another process and yield its URL; stop it on leaving, or when this one dies.

    Args:
        settings: what to serve, where, and its limits; port 0 takes any free port.
        start_seconds: how long it may take to be ready.

    Raises:
        ModelLoadError: the repository cannot be served.
        PortTakenError: another process listens there.
        SpecError: the host or port cannot be listened on.
        BackendUnavailableError: it died or was not ready in time; quotes its last lines.
    """
    inherited = {name: v for name, v in os.environ.items() if not name.startswith(PREFIX)}
    with tempfile.TemporaryDirectory(prefix="obfnet-serving-") as folder:
        report, log = Path(folder, "report.json"), Path(folder, "log")
        with log.open("wb") as sink:
            process = subprocess.Popen(
                [sys.executable, "-m", "obfnet.serving", str(report)],
                env=inherited | environment(settings),
                stdin=subprocess.PIPE,
                stdout=sink,
                stderr=sink,
                start_new_session=True,  # Ctrl-C is for the parent, which then drains this one
            )
        try:
            yield _url(process, report, log, start_seconds)
        finally:
            _stop(process, settings.drain + _STOP_SECONDS)


def main(arguments: Sequence[str] = sys.argv[1:]) -> int:
    """``python -m obfnet.serving``, told all by the environment; returns the exit status.

    Args:
        arguments: a file where to tell a parent how it goes, or none; a byte or the end of standard
            input then stops the server.
    """
    report = Path(arguments[0]) if arguments else None
    try:
        settings, _ = gather({})
        if report is None:
            run(settings)
        else:
            run(settings, partial(_tell, report, "url"), until=lambda: os.read(0, 1))
    except ObfNetError as error:
        if report is not None:
            _tell(report, type(error).__name__, str(error))
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:  # the server has drained already
        return 130
    return 0


def _tell(report: Path, kind: str, message: str) -> None:
    files.write(report, json.dumps([kind, message]))


def _url(process: subprocess.Popen[bytes], report: Path, log: Path, seconds: float) -> str:
    deadline = time.monotonic() + seconds
    ended = False
    while not report.exists():
        if ended or time.monotonic() > deadline:
            found = f"ended with status {process.poll()}" if ended else "was not ready"
            lines = log.read_text(errors="replace").splitlines()[-10:]
            raise BackendUnavailableError(
                "\n".join([f"the backend {found} within {seconds:g} s; its last lines:", *lines])
            )
        ended = process.poll() is not None  # and look once more, it may have told before it died
        time.sleep(0.01)
    kind, message = json.loads(report.read_text())
    if kind != "url":
        raise _REPORTED.get(kind, BackendUnavailableError)(message)
    return str(message)


def _stop(process: subprocess.Popen[bytes], seconds: float) -> None:
    assert process.stdin is not None
    # A byte, as the end of the pipe alone is not seen while a fork of this process holds it.
    with suppress(BrokenPipeError):
        process.stdin.write(b"\n")
        process.stdin.close()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
