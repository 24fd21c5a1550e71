"""Real data or a skip with the reason, a private cache, and a real HTTP server on loopback."""

import functools
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from obfnet import data
from obfnet.data import Dataset
from real_data import or_skip


@pytest.fixture(scope="session", name="or_skip")
def or_skip_fixture() -> Callable[..., Any]:
    """Run what needs real data; skip, or fail if OBFNET_REQUIRE_DATA=1, when it cannot be had."""
    return or_skip


@pytest.fixture(scope="session")
def real() -> Callable[[str], Dataset]:
    """Load a dataset by name, once per session, or skip."""
    return functools.cache(lambda name: or_skip(lambda: data.load(name)))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a local data folder that holds nothing."""
    (tmp_path / "local").mkdir()
    monkeypatch.setenv("OBFNET_DATA", str(tmp_path / "local"))
    monkeypatch.setenv("OBFNET_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class FileServer(ThreadingHTTPServer):
    """Serves one body; can break off, forget ranges or refuse, and notes the ranges it was asked.

    ``breaks`` holds, for each request to come, after how many bytes the connection is cut.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.body = b""
        self.breaks: list[int] = []
        self.ranges = True
        self.status = 200
        self.asked: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/file.bin"


class _Handler(BaseHTTPRequestHandler):
    server: FileServer

    def do_GET(self) -> None:
        asked = self.headers["Range"]
        self.server.asked.append(asked)
        if self.server.status != 200:
            self.send_error(self.server.status)
            return
        total, start = len(self.server.body), 0
        if asked and self.server.ranges:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
            if start >= total:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{total}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        else:
            self.send_response(200)
        rest = self.server.body[start:]
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if self.server.breaks:
            rest = rest[: self.server.breaks.pop(0)]
        self.wfile.write(rest)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with FileServer() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.shutdown()
        thread.join()
