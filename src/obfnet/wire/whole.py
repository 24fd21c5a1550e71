"""HTTP connections that write a request at once and read a plain answer without ceremony.

Each write costs about as much as the other; heads that are the same each time are made once, by
the standard library; and of answers it parses those that are not plain. The last two save a
quarter of a round trip's processor time (docs/decisions/0023-past-the-library.md).
"""

from __future__ import annotations

import http.client
import io
from collections.abc import Mapping
from dataclasses import dataclass

from obfnet.errors import ProtocolError

#: A larger answer is not read: a device has little memory, and a label needs few bytes.
MOST_BYTES = 16 << 20
_END = b"\r\n\r\n"
#: Fields that make an answer more than a head and so many bytes: the standard library knows how.
_NOT_PLAIN = frozenset({"connection", "transfer-encoding"})
_BODILESS = (http.client.NO_CONTENT, http.client.NOT_MODIFIED)


@dataclass(frozen=True)
class Answer:
    """One answer.

    Args:
        status: of three digits.
        headers: fields that came, by name in lower case.
        body: all of it.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class WholeRequests(http.client.HTTPConnection):
    """Headers and body go out in one write, over TLS in one record; connect it before."""

    _made: tuple[object, bytes] = (None, b"")

    def ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        """Send one request and wait for its answer.

        Raises:
            OSError, http.client.HTTPException, ValueError: no answer, or none that is HTTP; the
                connection is of no further use.
            ProtocolError: an answer of more than ``MOST_BYTES``; likewise.
        """
        self.sock.sendall(self._head(method, path, body, headers) + (body or b""))
        with http.client.HTTPResponse(self.sock, method=method) as response:
            plain = _plain(response.fp)
            if plain is not None:
                return plain
            response.begin()
            content = response.read(MOST_BYTES + 1)
            if len(content) > MOST_BYTES:
                raise _too_long()
            if response.length:
                raise http.client.IncompleteRead(content, response.length)
            if response.will_close:
                self.close()
            pairs = reversed(response.headers.items())  # of two fields of a name the first counts
            fields = {name.lower(): value.strip() for name, value in pairs}
            return Answer(response.status, fields, content)

    def _head(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> bytes:
        """Request line and headers; those of the request before, where nothing else is asked."""
        asked = method, path, None if body is None else len(body), tuple(headers.items())
        if self._made[0] != asked:
            maker = _HeadMaker(self.host, self.port)
            maker.default_port = self.default_port
            maker.request(method, path, body, dict(headers))
            self._made = asked, maker.head
        return self._made[1]


class WholeTlsRequests(WholeRequests, http.client.HTTPSConnection):
    """The same over TLS."""


class _HeadMaker(http.client.HTTPConnection):
    """Keeps what the standard library would send first: request line and headers."""

    head = b""

    def send(self, data: object) -> None:
        assert isinstance(data, bytes)
        self.head = self.head or data


def _plain(incoming: io.BufferedReader) -> Answer | None:
    """An answer whose head came at once and says how long it is; else None, and nothing is read."""
    head, end, _ = incoming.peek().partition(_END)
    first, *lines = head.split(b"\r\n")
    version, _, rest = first.partition(b" ")
    code = rest[:3]
    if not end or version != b"HTTP/1.1" or not code.isdigit() or rest[3:4].strip():
        return None
    fields = {}
    for line in lines:
        name, _, value = line.decode("iso-8859-1").partition(":")
        if not name.replace("-", "").isalnum():  # a line folded, or no field at all
            return None
        fields[name.lower()] = value.strip()
    length, status = fields.get("content-length", ""), int(code)
    counted = length.isascii() and length.isdigit() and len(fields) == len(lines)
    if not counted or status < http.client.OK or status in _BODILESS or _NOT_PLAIN & fields.keys():
        return None
    if int(length) > MOST_BYTES:
        raise _too_long()
    incoming.read(len(head) + len(end))
    body = incoming.read(int(length))
    if len(body) < int(length):
        raise http.client.IncompleteRead(body, int(length) - len(body))
    return Answer(status, fields, body)


def _too_long() -> ProtocolError:
    return ProtocolError(
        f"the backend answered with more than {MOST_BYTES} bytes, expected scores of a few "
        "classes: is this the right model?"
    )
