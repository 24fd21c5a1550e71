"""Clients of every kind for a server that must bear them: good ones that check, and bad ones."""

from __future__ import annotations

import http.client
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt

from obfnet.errors import ProtocolError
from obfnet.wire import (
    HEADER_LENGTH,
    InferRequest,
    Tensor,
    decode_response,
    encode_request,
)

PATH = "/v2/models/scaled/infer"
COLUMNS = 784


@dataclass
class Tally:
    """What the clients saw; each of them only appends.

    Args:
        host: of the server.
        port: of the server.
        latencies: of good requests: when they began, seconds since the epoch, and took, seconds.
        wrong: right in form and wrong in content.
        seen: how often what came back, by client and status.
        stop: set when clients are to end.
    """

    host: str
    port: int
    latencies: list[tuple[float, float]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    seen: Counter[tuple[str, object]] = field(default_factory=Counter)
    stop: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def of(cls, url: str) -> Tally:
        """An empty one of the server at ``url``."""
        parts = urlsplit(url)
        return cls(parts.hostname or "", parts.port or 80)

    def note(self, client: str, what: object) -> None:
        """Count one more of ``what``."""
        with _noting:
            self.seen[client, what] += 1


_noting = threading.Lock()
Client = Callable[[Tally, random.Random], None]


def run(client: Client, tally: Tally, seed: int) -> None:
    """Let ``client`` have its way again and again until ``tally.stop``."""
    chance = random.Random(seed)
    while not tally.stop.is_set():
        try:
            client(tally, chance)
        except (OSError, http.client.HTTPException) as error:
            tally.note(client.__name__, type(error).__name__)


def good(tally: Tally, chance: random.Random) -> None:
    """Hundred requests by one connection, each answer compared with what its version makes."""
    connection = http.client.HTTPConnection(tally.host, tally.port, timeout=30)
    for _ in range(100):
        if tally.stop.is_set():
            break
        rows = chance.choice((1, 1, 1, 2, 7))
        x = np.full((rows, COLUMNS), chance.randrange(1000), np.float32)
        x += np.arange(rows, dtype=np.float32)[:, None]
        name = f"{chance.getrandbits(64):x}"
        headers, body = encode_request(InferRequest((Tensor("x", x),), id=name))
        when, started = time.time(), time.perf_counter()
        connection.request("POST", PATH, body, headers)
        response = connection.getresponse()
        content = response.read()
        tally.latencies.append((when, time.perf_counter() - started))
        tally.note("good", response.status)
        length = response.headers.get(HEADER_LENGTH)
        if response.status == 200 and not _right(content, length, name, x):
            tally.wrong.append(name)
    connection.close()


def _right(content: bytes, length: str | None, name: str, x: npt.NDArray[np.float32]) -> bool:
    """Whether an answer can be read, is to this request, and is what its version makes of x."""
    try:
        found = decode_response(content, length)
        y, z = found.outputs
        version = int(found.model_version)
    except (ProtocolError, ValueError):
        return False
    return bool(
        found.id == name and np.array_equal(y.data, x * version) and np.array_equal(z.data, -x)
    )


def malformed(tally: Tally, chance: random.Random) -> None:
    """A good body with some bytes of its JSON changed, or cut short."""
    headers, body = encode_request(InferRequest((Tensor("x", np.ones((1, COLUMNS), np.float32)),)))
    at = chance.randrange(int(headers[HEADER_LENGTH]))
    body = body[:at] if chance.random() < 0.5 else body[:at] + chance.randbytes(3) + body[at + 3 :]
    _post(tally, "malformed", headers, body)


def oversize(tally: Tally, chance: random.Random) -> None:
    """A body above the limit, declared or not."""
    _post(tally, "oversize", {}, bytes(4 * 2**20))
    tally.stop.wait(0.05)


def leaving(tally: Tally, chance: random.Random) -> None:
    """Hangs up in the middle of a request, or before its answer."""
    headers, body = encode_request(InferRequest((Tensor("x", np.ones((1, COLUMNS), np.float32)),)))
    with socket.create_connection((tally.host, tally.port), timeout=30) as connection:
        whole = _head(headers, len(body)) + body
        connection.sendall(whole[: chance.randrange(1, len(whole) + 1)])
    tally.note("leaving", "left")


def slow(tally: Tally, chance: random.Random) -> None:
    """Sends its body a byte at a time, until the server loses patience."""
    with socket.create_connection((tally.host, tally.port), timeout=30) as connection:
        connection.sendall(_head({}, 10_000))
        connection.settimeout(0.05)
        while not tally.stop.is_set():
            try:
                connection.sendall(b" ")
                answer = connection.recv(1000)
            except TimeoutError:
                continue
            tally.note("slow", answer[9:12].decode() or "closed")
            return


#: The bad ones; together they are the storm.
BAD: tuple[Client, ...] = (malformed, oversize, leaving, slow, slow)


def _head(headers: dict[str, str], size: int) -> bytes:
    lines = [f"POST {PATH} HTTP/1.1", f"Host: {PATH}", f"Content-Length: {size}"]
    return "\r\n".join([*lines, *(f"{k}: {v}" for k, v in headers.items()), "", ""]).encode()


def _post(tally: Tally, name: str, headers: dict[str, str], body: bytes) -> None:
    connection = http.client.HTTPConnection(tally.host, tally.port, timeout=30)
    try:
        connection.request("POST", PATH, body, headers)
        tally.note(name, connection.getresponse().status)
    finally:
        connection.close()
