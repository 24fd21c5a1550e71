"""HTTP to the backend: one kept-alive connection, bounded retries of the same bytes."""

from __future__ import annotations

import http.client
import ipaddress
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote, urlsplit

from obfnet.errors import (
    BackendDeniedError,
    BackendRefusedError,
    BackendUnavailableError,
    MessageFailedError,
    MessageRefusedError,
    SpecError,
)
from obfnet.wire import token as tokens
from obfnet.wire.envelope import HEADER_LENGTH
from obfnet.wire.response import decode_error
from obfnet.wire.tls import Tls, final
from obfnet.wire.whole import WholeRequests, WholeTlsRequests

#: Busy, or a gateway whose backend is away: the same request may succeed later.
_RETRIED = (
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
)
#: What else a backend may mean by an error; the others are plain refusals.
_MEANINGS: Mapping[int, type[BackendRefusedError]] = {
    HTTPStatus.UNAUTHORIZED: BackendDeniedError,
    HTTPStatus.FORBIDDEN: BackendDeniedError,
    HTTPStatus.BAD_REQUEST: MessageRefusedError,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: MessageRefusedError,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: MessageRefusedError,
    HTTPStatus.UNPROCESSABLE_ENTITY: MessageRefusedError,
    HTTPStatus.INTERNAL_SERVER_ERROR: MessageFailedError,
}


@dataclass(frozen=True)
class Limits:
    """How long and how often to try.

    Args:
        timeout: seconds without a byte from the backend before an attempt is given up.
        attempts: tries in all before giving up.
        backoff: seconds before the second try; doubles each time, with jitter.
        longest_wait: seconds a busy backend's ``Retry-After`` is followed at most.
    """

    timeout: float = 10.0
    attempts: int = 3
    backoff: float = 0.1
    longest_wait: float = 30.0

    def __post_init__(self) -> None:
        longest = threading.TIMEOUT_MAX  # what the system's clocks can count, and no NaN
        waits = 0 < self.timeout <= longest and 0 <= self.backoff <= longest
        if not waits or not 0 <= self.longest_wait <= longest or self.attempts < 1:
            raise SpecError(
                f"expected timeout > 0, attempts >= 1, backoff >= 0, longest_wait >= 0, got {self}"
            )


@dataclass(frozen=True)
class Reply:
    """An answer's body and the headers that matter, as they came.

    Args:
        body: the whole body.
        header_length: length of its JSON part, if it has a binary part.
        retry_after: when a busy backend wants to be asked again.
    """

    body: bytes
    header_length: str | None
    retry_after: str | None


def _free() -> None:
    """Nobody counts what is sent."""


class Transport:
    """A connection to one backend; not safe to share between threads.

    Args:
        url: ``http://host:port`` or ``https://host:port`` of the backend, optionally with a path
            before ``/v2``.
        limits: how long and how often to try.
        tls: whom to believe, for ``https``; the system's authorities by default.
        token: bearer token, or what gives the current one; asked once for each request.

    Raises:
        SpecError: another scheme, no host, a bad port, or a user, query or fragment; ``tls`` for
            ``http``, or files of it that cannot be used; a token that anybody could read.
    """

    def __init__(
        self,
        url: str,
        limits: Limits,
        *,
        tls: Tls | None = None,
        token: tokens.TokenSource | None = None,
    ) -> None:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
            ignored = "@" in parts.netloc or parts.query or parts.fragment
            if parts.scheme not in ("http", "https") or not host or ignored:
                raise SpecError(f"expected a backend like http://host:port, got {url!r}")
            _check_secure(url, parts.scheme, host, tls, token)
            if parts.scheme == "https":
                context = (tls or Tls()).context()
                self._connection: WholeRequests = WholeTlsRequests(
                    host, port or 443, timeout=limits.timeout, context=context
                )
            else:
                self._connection = WholeRequests(host, port or 80, timeout=limits.timeout)
        except (ValueError, http.client.InvalidURL) as error:
            raise SpecError(f"{url!r} is no URL of a backend: {error}") from error
        self._prefix = quote(parts.path.rstrip("/"), safe="/%")
        self._limits = limits
        self._url = url
        self._tls = tls
        self._token = token

    def another(self) -> Transport:
        """A connection of its own to the same backend, on the same terms."""
        return Transport(self._url, self._limits, tls=self._tls, token=self._token)

    def get(self, path: str) -> Reply:
        """Answer of ``GET path``."""
        return self._exchange("GET", path, {}, None, _free)

    def post(
        self,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        sending: Callable[[], None] = _free,
    ) -> Reply:
        """Answer of ``POST path``; a retry sends the very same bytes.

        Args:
            path: path on the backend.
            headers: HTTP headers.
            body: what to send.
            sending: called each time the body is about to go out, retries included; what it
                raises stops the sending.
        """
        return self._exchange("POST", path, headers, body, sending)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _exchange(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None,
        sending: Callable[[], None],
    ) -> Reply:
        """Send and wait.

        Raises:
            TokenUnavailableError: there is no token to send; nothing was sent.
            BackendUntrustedError: the backend's certificate is not believed; nothing was sent.
            BackendUnavailableError: no answer, or "busy", in every attempt.
            BackendRefusedError: an answer that is an error; trying again would not help.
            ProtocolError: an answer of more than ``whole.MOST_BYTES``.
        """
        token = None if self._token is None else tokens.current(self._token)
        if token is not None:
            headers = {**headers, "Authorization": f"Bearer {token}"}
        reason, asked = "", 0.0
        for attempt in range(self._limits.attempts):
            if attempt:
                time.sleep(max(asked, _pause(self._limits.backoff, attempt)))
            asked = 0.0
            try:
                status, reply = self._once(method, path, headers, body, sending)
            except (OSError, http.client.HTTPException, ValueError) as error:
                refusal = final(error, self._url)
                if refusal is not None:
                    raise refusal from error
                reason = repr(error)  # ValueError: a name no resolver takes, a negative length
                continue
            if status == http.client.OK:
                return reply
            # A backend may quote the request in its error.
            reason = f"status {status}: {decode_error(reply.body, hidden=token)}"
            if status not in _RETRIED:
                meaning = _MEANINGS.get(status, BackendRefusedError)
                raise meaning(f"{self._url} answered {reason}")
            asked = min(_seconds(reply.retry_after), self._limits.longest_wait)
        raise BackendUnavailableError(
            f"{self._url} was away or busy in {self._limits.attempts} attempts, all of the same "
            f"bytes (last: {reason}): check that the backend is up and the address is right"
        )

    def _once(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None,
        sending: Callable[[], None],
    ) -> tuple[int, Reply]:
        connection = self._connection
        try:
            if connection.sock is not None and not _quiet(connection.sock):
                connection.close()  # the backend hung up while idle, or spoke unasked
            if connection.sock is None:
                connection.connect()
            sending()
            answer = connection.ask(method, self._prefix + path, body, headers)
        except BaseException:
            connection.close()  # what is left of this answer must not meet the next request
            raise
        found = answer.headers
        reply = Reply(answer.body, found.get(HEADER_LENGTH.lower()), found.get("retry-after"))
        return answer.status, reply


def _check_secure(
    url: str, scheme: str, host: str, tls: Tls | None, token: tokens.TokenSource | None
) -> None:
    if scheme == "https":
        return
    if tls is not None:
        raise SpecError(f"tls is given for {url!r}, expected https://")
    if token is not None and not _is_this_machine(host):
        raise SpecError(
            f"anybody on the way to {url!r} could read the token: use https://, or a tunnel that "
            "ends on this machine"
        )


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _quiet(connection: socket.socket) -> bool:
    """Whether nothing came on an idle connection: no end, and no answer nobody asked for.

    It reads rather than looks whether there is something: TLS sends tickets of its own.
    """
    timeout = connection.gettimeout()
    connection.settimeout(0)
    try:
        connection.recv(1)
    except (BlockingIOError, ssl.SSLWantReadError):
        return True
    except OSError:
        return False
    finally:
        connection.settimeout(timeout)
    return False


def _pause(backoff: float, attempt: int) -> float:
    jitter = 0.5 + secrets.randbelow(1000) / 1000
    return float(backoff * 2 ** (attempt - 1) * jitter)


def _seconds(retry_after: str | None) -> float:
    """``Retry-After`` in its form of whole seconds; 0 for its other form, a date, and for noise."""
    value = retry_after or ""
    return float(value) if value.isascii() and value.isdigit() else 0.0
