"""Engines that are missing, die or lie: a typed error, their last lines, and nobody left behind."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conformance import ask
from obfnet.errors import EngineFailedError, EngineMissingError, PortTakenError, SpecError
from obfnet.serving.engines.mlserver import MLSERVER
from obfnet.serving.engines.running import running_engine
from obfnet.serving.engines.triton import TRITON
from onnx_files import repository, scores

#: The first run installs the engines.
pytestmark = pytest.mark.timeout(1800)
OBFNET = [sys.executable, "-c", "import sys; from obfnet.cli import main; sys.exit(main())"]


def processes(part):
    """Numbers of living processes with ``part`` in their command line, guards left out."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            line = path.read_bytes()
            if part.encode() in line and b"guard.py" not in line:
                found.append(int(path.parent.name))
    return found


def within(seconds, wanted):
    deadline = time.monotonic() + seconds
    while not wanted() and time.monotonic() < deadline:
        time.sleep(0.05)
    return wanted()


@contextmanager
def temporary(monkeypatch, tmp_path):
    """Engines' folders go below ``tmp_path``, so that their processes can be told."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    yield str(tmp_path / "obfnet-")


def test_missing(models, tmp_path):
    with (
        pytest.raises(EngineMissingError, match="run obfnet engine install triton"),
        running_engine(TRITON, models, tmp_path),
    ):
        pass


def test_port_taken(models, environments):
    folder = environments("triton")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        for first in (port, port - 2):  # the one asked for, or that of the metrics
            with (
                pytest.raises(PortTakenError, match=rf"port {port} of 127\.0\.0\.1 is in use"),
                running_engine(TRITON, models, folder, port=first),
            ):
                pass


def test_address_of_another_machine(models, environments):
    with (
        pytest.raises(SpecError, match=r"cannot listen .* 192\.0\.2\.1"),
        running_engine(TRITON, models, environments("triton"), host="192.0.2.1"),
    ):
        pass


def test_listens_on_loopback_alone(served):
    """The ports of the protocol: the connection another machine would make is refused."""
    if served.name == "embedded":
        pytest.skip("hands its own socket over")
    port = int(served.url.rpartition(":")[2])
    # Ray's other ports are open whatever it is told; its cluster wants a token of everybody.
    for number in (port, port + 1) if served.grpc else (port,):
        with socket.create_connection(("127.0.0.1", number), timeout=5):
            pass
        with pytest.raises(ConnectionRefusedError), socket.socket() as other:
            other.connect(("127.0.0.2", number))


def test_killed_at_start(models, environments, monkeypatch, tmp_path):
    folder = environments("mlserver")
    with temporary(monkeypatch, tmp_path) as mark:

        def kill():
            if within(60, lambda: processes(mark)):
                os.kill(processes(mark)[0], signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        with (
            pytest.raises(EngineFailedError, match=r"MLServer 1.7.1 ended with status 137"),
            running_engine(MLSERVER, models, folder),
        ):
            pass
        killer.join()
        assert not processes(mark)


def test_dies_at_start(models, environments):
    def command(place):
        made = TRITON.command(place)
        return replace(made, arguments=(*made.arguments, "--no-such-option"))

    with (
        pytest.raises(EngineFailedError, match=r"ended with status 1; its last lines:\n(.*\n)+"),
        running_engine(replace(TRITON, command=command), models, environments("triton")),
    ):
        pass


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        (np.eye(4, 3, dtype=np.float32) * 2, "other values for output 'y' of model 'infnet'"),
        (np.zeros((4, 0), np.float32), r"answered with float32 of shape \[1, 0\]"),
    ],
)
def test_lies(weights, says, environments, tmp_path, monkeypatch):
    """An engine that serves something else, or status 200 and an empty tensor, is not let in."""
    told = repository(tmp_path / "told", infnet=scores())
    other = repository(
        tmp_path / "other", infnet=scores(weights=weights, gives=("n", weights.shape[1]))
    )
    lying = replace(
        MLSERVER, prepare=lambda place: MLSERVER.prepare(replace(place, repository=other))
    )
    with temporary(monkeypatch, tmp_path) as mark:
        with (
            pytest.raises(EngineFailedError, match=says),
            running_engine(lying, told, environments("mlserver")),
        ):
            pass
        assert not processes(mark)


@contextmanager
def command_line(engine, models, environments, tmp_path):
    """``obfnet serve --engine`` in a process of its own, once it serves, and its URL."""
    cache = environments(engine).parent
    process = subprocess.Popen(
        [*OBFNET, "serve", str(models), "--engine", engine, "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path), "OBFNET_CACHE": str(cache)},
        # A shell that runs tests in the background makes them, and their children, ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    with process:
        try:
            assert process.stderr.readline().startswith("starting ")
            line = process.stderr.readline()
            assert line.startswith("serving on "), line
            yield process, line.split()[2].rstrip(",")
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("engine", "number", "status"),
    [
        ("triton", signal.SIGINT, 130),
        ("triton", signal.SIGKILL, -9),
        ("mlserver", signal.SIGTERM, 0),
        ("kserve", signal.SIGKILL, -9),
    ],
)
def test_nobody_is_left(engine, number, status, models, environments, tmp_path):
    mark = str(tmp_path / "obfnet-")
    with command_line(engine, models, environments, tmp_path) as (process, url):
        assert ask(url, "GET", "/v2/health/ready")[0] == 200
        assert processes(mark)
        process.send_signal(number)
        assert process.wait(30) == status
        assert within(20, lambda: not processes(mark))
    if status >= 0:
        assert not list(tmp_path.glob("obfnet-*"))


def test_dies_while_it_serves(models, environments, tmp_path):
    mark = str(tmp_path / "obfnet-")
    with command_line("triton", models, environments, tmp_path) as (process, _):
        server = min(processes(mark))  # its stubs came later
        (folder,) = tmp_path.glob("obfnet-*")
        assert list(Path("/dev/shm").glob(f"{folder.name}-*"))
        os.kill(server, signal.SIGKILL)
        _, said = process.communicate(timeout=30)
        assert process.returncode == 1
        assert "error: Triton Inference Server 2.51.0" in said
        assert "ended with status 137; its last lines:" in said
        assert not list(Path("/dev/shm").glob(f"{folder.name}-*"))
        assert within(10, lambda: not processes(mark))
