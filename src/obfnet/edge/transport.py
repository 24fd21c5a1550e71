"""HTTP to the backend: one kept-alive connection, bounded retries of the same bytes."""

from __future__ import annotations

import http.client
import secrets
import selectors
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote, urlsplit

from obfnet.errors import (
    BackendRefusedError,
    BackendUnavailableError,
    ProtocolError,
    SpecError,
)
from obfnet.wire import HEADER_LENGTH, decode_error

#: A larger answer is not read: a device has little memory, and a label needs few bytes.
MOST_BYTES = 16 << 20
#: Busy, or a gateway whose backend is away: the same request may succeed later.
_RETRIED = (
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)


@dataclass(frozen=True)
class Limits:
    """How long and how often to try.

    Args:
        timeout: seconds without a byte from the backend before an attempt is given up.
        attempts: tries in all before giving up.
        backoff: seconds before the second try; doubles each time, with jitter.
    """

    timeout: float = 10.0
    attempts: int = 3
    backoff: float = 0.1

    def __post_init__(self) -> None:
        longest = threading.TIMEOUT_MAX  # what the system's clocks can count, and no NaN
        waits = 0 < self.timeout <= longest and 0 <= self.backoff <= longest
        if not waits or self.attempts < 1:
            raise SpecError(f"expected timeout > 0, attempts >= 1, backoff >= 0, got {self}")


@dataclass(frozen=True)
class Reply:
    """Body of a good answer and the length of its JSON part, if it has a binary part."""

    body: bytes
    header_length: str | None


class Transport:
    """A connection to one backend; not safe to share between threads.

    Args:
        url: ``http://host:port`` of the backend, optionally with a path before ``/v2``.
        limits: how long and how often to try.

    Raises:
        SpecError: another scheme, no host, a bad port, or a user, query or fragment.
    """

    def __init__(self, url: str, limits: Limits) -> None:
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
            connection = http.client.HTTPConnection(host, parts.port or 80, timeout=limits.timeout)
        except (ValueError, http.client.InvalidURL) as error:
            raise SpecError(f"{url!r} is no URL of a backend: {error}") from error
        ignored = "@" in parts.netloc or parts.query or parts.fragment
        if parts.scheme != "http" or not host or ignored:
            raise SpecError(f"expected a backend like http://host:port, got {url!r}")
        self._prefix = quote(parts.path.rstrip("/"), safe="/%")
        self._limits = limits
        self._url = url
        self._connection = connection

    def get(self, path: str) -> Reply:
        """Answer of ``GET path``."""
        return self._exchange("GET", path, {}, None)

    def post(self, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Answer of ``POST path``; a retry sends the very same bytes."""
        return self._exchange("POST", path, headers, body)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> Reply:
        """Send and wait.

        Raises:
            BackendUnavailableError: no answer, or "busy", in every attempt.
            BackendRefusedError: an answer that is an error; trying again would not help.
            ProtocolError: an answer of more than ``MOST_BYTES``.
        """
        reason = ""
        for attempt in range(self._limits.attempts):
            if attempt:
                time.sleep(_pause(self._limits.backoff, attempt))
            try:
                status, reply = self._once(method, path, headers, body)
            except (OSError, http.client.HTTPException, ValueError) as error:
                reason = repr(error)  # ValueError: a name no resolver takes, a negative length
                continue
            if status == http.client.OK:
                return reply
            reason = f"status {status}: {decode_error(reply.body)}"
            if status not in _RETRIED:
                raise BackendRefusedError(f"{self._url} answered {reason}")
        raise BackendUnavailableError(
            f"{self._url} was away or busy in {self._limits.attempts} attempts, all of the same "
            f"bytes (last: {reason}): check that the backend is up and the address is right"
        )

    def _once(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[int, Reply]:
        connection = self._connection
        try:
            if connection.sock is not None and _readable(connection.sock):
                connection.close()  # the backend hung up while idle, or spoke unasked
            connection.request(method, self._prefix + path, body, dict(headers))
            response = connection.getresponse()
            content = response.read(MOST_BYTES + 1)
            if len(content) > MOST_BYTES:
                raise ProtocolError(
                    f"{self._url} answered with more than {MOST_BYTES} bytes, expected scores of a "
                    "few classes: is this the right model?"
                )
            if response.length:
                raise http.client.IncompleteRead(content, response.length)
        except BaseException:
            connection.close()  # what is left of this answer must not meet the next request
            raise
        return response.status, Reply(content, response.headers.get(HEADER_LENGTH))


def _readable(connection: socket.socket) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        return bool(selector.select(0))


def _pause(backoff: float, attempt: int) -> float:
    jitter = 0.5 + secrets.randbelow(1000) / 1000
    return float(backoff * 2 ** (attempt - 1) * jitter)
