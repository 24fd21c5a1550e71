"""HTTP to the backend: one kept-alive connection, bounded retries of the same bytes."""

from __future__ import annotations

import http.client
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from obfnet.errors import BackendRefusedError, BackendUnavailableError, SpecError
from obfnet.wire import HEADER_LENGTH, decode_error


@dataclass(frozen=True)
class Limits:
    """How long and how often to try.

    Args:
        timeout: seconds to wait for the backend in one attempt.
        attempts: tries in all before giving up.
        backoff: seconds before the second try; doubles each time, with jitter.
    """

    timeout: float = 10.0
    attempts: int = 3
    backoff: float = 0.1

    def __post_init__(self) -> None:
        if self.timeout <= 0 or self.attempts < 1 or self.backoff < 0:
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
    """

    def __init__(self, url: str, limits: Limits) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise SpecError(f"expected a backend like http://host:port, got {url!r}")
        self._prefix = parts.path.rstrip("/")
        self._limits = limits
        self._url = url
        self._connection = http.client.HTTPConnection(
            parts.hostname, parts.port or 80, timeout=limits.timeout
        )

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
        """
        reason = ""
        for attempt in range(self._limits.attempts):
            if attempt:
                time.sleep(_pause(self._limits.backoff, attempt))
            try:
                status, reply = self._once(method, path, headers, body)
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                reason = repr(error)
                continue
            if status == http.client.OK:
                return reply
            reason = f"status {status}: {decode_error(reply.body)}"
            if status not in (http.client.SERVICE_UNAVAILABLE, http.client.TOO_MANY_REQUESTS):
                raise BackendRefusedError(f"{self._url} answered {reason}")
        raise BackendUnavailableError(
            f"{self._url} gave no answer in {self._limits.attempts} attempts ({reason}); "
            "nothing was sent raw: check that the backend is up and the address is right"
        )

    def _once(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[int, Reply]:
        connection = self._connection
        connection.request(method, self._prefix + path, body, dict(headers))
        response = connection.getresponse()
        return response.status, Reply(response.read(), response.headers.get(HEADER_LENGTH))


def _pause(backoff: float, attempt: int) -> float:
    jitter = 0.5 + secrets.randbelow(1000) / 1000
    return float(backoff * 2 ** (attempt - 1) * jitter)
