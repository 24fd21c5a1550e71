"""HTTP connections that write a request at once: each write costs about as much as the other, and
together they were most of the processor time of a round trip.
"""

from __future__ import annotations

import http.client
from collections.abc import Mapping


class WholeRequests(http.client.HTTPConnection):
    """Headers and body go out in one write, over TLS in one record; open it before."""

    _held: list[bytes]

    def ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> None:
        """Send one request."""
        self._held = []
        self.request(method, path, body, dict(headers))
        self.sock.sendall(b"".join(self._held))

    def send(self, data: object) -> None:
        """Called by the standard library with headers, then with the body."""
        if not isinstance(data, bytes):
            raise TypeError(f"expected bytes, got {type(data).__name__}")
        self._held.append(data)


class WholeTlsRequests(WholeRequests, http.client.HTTPSConnection):
    """The same over TLS."""
