"""Capture what a real device sends: raw and obfuscated requests of one client, in random order."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import numpy as np

from obfnet.auditing.captured import Capture
from obfnet.bundling.archive import Bundle
from obfnet.edge.client import EdgeClient
from obfnet.errors import NotMeasurableError
from obfnet.seeds import branch
from obfnet.specs import Samples

_LENGTH = re.compile(rb"(?im)^content-length: *(\d+)\r$")
_JSON_LENGTH = re.compile(rb"(?im)^inference-header-content-length: *(\d+)\r$")
_SIZE = 1 << 16


@dataclass(frozen=True)
class Captured:
    """Requests of one client over one connection, by what they carried."""

    raw: tuple[Capture, ...]
    obfuscated: tuple[Capture, ...]


def capture(
    bundle: Bundle | bytes, url: str, samples: Samples, count: int, seed: int, model: str = "infnet"
) -> Captured:
    """Send ``count`` raw and ``count`` obfuscated samples, as fast as one client can.

    The client is an ``EdgeClient`` as any device has it; its policy, called for each sample, draws
    which kind is next. A relay between it and the backend keeps what passes, and when. Samples
    are drawn independently of the kind.

    Args:
        bundle: the device's set.
        url: of a live backend, ``http://host:port``.
        samples: raw samples ``(n, *shape)``.
        count: requests of each kind.
        seed: fixes samples and order.
        model: name of the InfNet at the backend.

    Raises:
        NotMeasurableError: the relay saw another number of requests than were sent.
    """
    generator = np.random.default_rng(branch(seed, "capture"))
    obfuscate = generator.permutation(np.repeat([False, True], count))
    chosen = generator.integers(0, len(samples), len(obfuscate))
    # Two to warm up, one of each kind: a first call pays for what later ones find ready.
    order = iter([False, True, *obfuscate.tolist()])
    with _relay(url) as relay:
        with EdgeClient(bundle, relay.url, model=model, policy=lambda: next(order)) as client:
            client.connect()
            relay.captures.clear()  # of the probe, which carries no sample
            for position in (0, 0, *chosen):
                client.infer(samples[position])
        requests = [each for each in relay.captures if each.head.startswith(b"POST ")][2:]
    if len(requests) != len(obfuscate):
        raise NotMeasurableError(
            f"captured {len(requests)} requests, sent {len(obfuscate)}: was one repeated?"
        )
    kinds = list(zip(requests, obfuscate, strict=True))
    return Captured(
        tuple(each for each, hidden in kinds if not hidden),
        tuple(each for each, hidden in kinds if hidden),
    )


@dataclass(eq=False)
class _Relay:
    """Hands everything on between one client and the backend, and keeps the requests."""

    backend: tuple[str, int]
    listening: socket.socket
    captures: list[Capture] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listening.getsockname()[1]}"

    def serve(self) -> None:
        """Serve one connection after another until the listening socket is closed."""
        with suppress(OSError):
            while True:
                client, _ = self.listening.accept()
                with client, socket.create_connection(self.backend) as onward:
                    for end in (client, onward):
                        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self._exchange(client, onward)

    def _exchange(self, client: socket.socket, onward: socket.socket) -> None:
        answered = time.perf_counter()
        while first := client.recv(_SIZE):
            seconds = time.perf_counter() - answered
            head, body = _message(client, first)
            self.captures.append(_capture(head, body, seconds))
            onward.sendall(head + body)
            client.sendall(b"".join(_message(onward, onward.recv(_SIZE))))
            answered = time.perf_counter()


def _capture(head: bytes, body: bytes, seconds: float) -> Capture:
    json_length = _JSON_LENGTH.search(head)
    values = int(json_length[1]) if json_length else 0
    return Capture(head + body[:values], len(body), seconds)


def _message(end: socket.socket, content: bytes) -> tuple[bytes, bytes]:
    """HTTP headers, with the empty line, and body of the message that begins with ``content``."""
    while b"\r\n\r\n" not in content:
        content += _more(end)
    start = content.index(b"\r\n\r\n") + 4
    length = _LENGTH.search(content[:start])
    end_of_body = start + (int(length[1]) if length else 0)
    while len(content) < end_of_body:
        content += _more(end)
    return content[:start], content[start:]


def _more(end: socket.socket) -> bytes:
    content = end.recv(_SIZE)
    if not content:
        raise ConnectionResetError("the other end hung up within a message")
    return content


@contextmanager
def _relay(url: str) -> Iterator[_Relay]:
    parts = urlsplit(url)
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        relay = _Relay((parts.hostname or "", parts.port or 80), listening)
        thread = threading.Thread(target=relay.serve, daemon=True)
        thread.start()
        try:
            yield relay
        finally:
            with suppress(OSError):  # not every system lets a listening socket be shut down
                listening.shutdown(socket.SHUT_RDWR)  # ends accept
            listening.close()
            thread.join(5)
