"""Start an engine over our folder of models, trust it once it answers right, and stop it."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

from obfnet.errors import EngineFailedError
from obfnet.progress import say
from obfnet.serving.engines.engine import Command, Engine, Place
from obfnet.serving.engines.environment import python_of
from obfnet.serving.engines.models import load_models
from obfnet.serving.engines.ports import free_ports
from obfnet.serving.engines.self_test import self_test

START_SECONDS = 120.0
_STOP_SECONDS = 10.0  # to stop by itself, before it is killed
_GUARD_SECONDS = 5.0  # for the guard to see that done
_LAST_LINES = 20


@dataclass(frozen=True)
class Running:
    """An engine that answers.

    Args:
        url: of its REST.
        grpc: ``host:port`` of its gRPC, empty if it has none.
        log: what it prints.
        process: its guard, which ends with it.
    """

    url: str
    grpc: str
    log: Path
    process: subprocess.Popen[bytes]


@contextmanager
def running_engine(
    engine: Engine,
    repository: Path,
    environments: Path,
    host: str = "127.0.0.1",
    port: int = 0,
    start_seconds: float = START_SECONDS,
) -> Iterator[Running]:
    """Serve ``repository`` from ``engine`` while inside; it never outlives this process.

    Args:
        engine: one of ``ENGINES``.
        repository: folder of ``<model>/<version>/model.onnx``.
        environments: folder that ``install`` was given.
        host: address to listen on.
        port: of HTTP, and the two after it; 0 for any free ones.
        start_seconds: how long it may take to be ready.

    Raises:
        EngineMissingError: it is not installed.
        ModelLoadError: the repository cannot be served.
        PortTakenError: another process listens on one of the ports.
        SpecError: the host or port cannot be listened on.
        EngineFailedError: it ended, was not ready in time or failed the self-test; quotes its
            last lines.
    """
    python = python_of(environments, engine.name)
    models = load_models(repository)
    first = free_ports(host, port)
    with tempfile.TemporaryDirectory(prefix=f"obfnet-{engine.name}-") as name:
        folder = Path(name).resolve()
        place = Place(python, repository.resolve(), folder / "engine", host, first)
        place.folder.mkdir()
        engine.prepare(place)
        running = Running(
            f"http://{_bracketed(host)}:{first}",
            f"{_bracketed(host)}:{first + 1}" if engine.grpc else "",
            folder / "log",
            _start(engine.command(place), folder),
        )
        try:
            _wait(engine, running, list(models), start_seconds)
            try:
                self_test(running.url, models, binary=engine.binary)
            except EngineFailedError as error:
                raise _failed(engine, str(error), running.log) from error
            yield running
        finally:
            _stop(running.process)


def serve_with(engine: Engine, repository: Path, environments: Path, host: str, port: int) -> None:
    """Serve ``repository`` from ``engine`` until SIGINT or SIGTERM.

    Raises:
        EngineFailedError: it ended by itself; quotes its last lines.
        ObfNetError: see ``running_engine``.
    """
    told = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: told.set())
    try:
        say(f"starting {engine.title}")
        with running_engine(engine, repository, environments, host, port) as running:
            say(f"serving on {running.url}" + (f", gRPC on {running.grpc}" if running.grpc else ""))
            while not told.wait(0.2):
                if running.process.poll() is not None:
                    raise _ended(engine, running)
    finally:
        signal.signal(signal.SIGTERM, before)


def _start(command: Command, folder: Path) -> subprocess.Popen[bytes]:
    guard = Path(__file__).parent / "guard.py"
    with (folder / "log").open("wb") as sink:
        return subprocess.Popen(
            [
                *(sys.executable, "-I", "-S", str(guard), str(_STOP_SECONDS), command.leftovers),
                *command.arguments,
            ],
            stdin=subprocess.PIPE,
            stdout=sink,
            stderr=sink,
            env={**_without_python(os.environ), **command.environment},
            cwd=command.folder or folder,
            start_new_session=True,  # Ctrl-C is for us, who then stop it
        )


def _without_python(environment: Mapping[str, str]) -> dict[str, str]:
    """What is set for this Python must not reach the engine's."""
    return {name: value for name, value in environment.items() if not name.startswith("PYTHON")}


def _wait(engine: Engine, running: Running, models: list[str], seconds: float) -> None:
    """Return once the engine says that it and all ``models`` are ready."""
    deadline = time.monotonic() + seconds
    paths = ["/v2/health/ready", *(f"/v2/models/{quote(model, safe='')}/ready" for model in models)]
    while paths:
        if running.process.poll() is not None:
            raise _ended(engine, running)
        if time.monotonic() > deadline:
            raise _failed(engine, f"was not ready within {seconds:g} s", running.log)
        if _is_ready(running.url, paths[0]):
            del paths[0]
        else:
            time.sleep(0.1)


def _is_ready(url: str, path: str) -> bool:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _stop(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    # A byte, as the end of the pipe alone is not seen while a fork of this process holds it.
    with suppress(BrokenPipeError):
        process.stdin.write(b"\n")
        process.stdin.close()
    try:
        process.wait(_STOP_SECONDS + _GUARD_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _ended(engine: Engine, running: Running) -> EngineFailedError:
    return _failed(engine, f"ended with status {running.process.returncode}", running.log)


def _failed(engine: Engine, what: str, log: Path) -> EngineFailedError:
    lines = log.read_text(errors="replace").splitlines()[-_LAST_LINES:]
    return EngineFailedError("\n".join([f"{engine.title} {what}; its last lines:", *lines]))


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
