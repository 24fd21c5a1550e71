"""A request's body and time, within the limits."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from obfnet.errors import BodyTooLargeError, ProtocolError
from obfnet.serving.settings import Settings
from obfnet.wire import HEADER_LENGTH

#: The parameter of a request that says how many microseconds it may take, as Triton has it.
TIMEOUT = "timeout"
_LENGTH = HEADER_LENGTH.lower()


async def read_body(fields: Mapping[str, str], receive: Receive, settings: Settings) -> bytes:
    """The body, refused as soon as it is known to exceed a limit.

    Args:
        fields: of the request's head, by name in lower case.
        receive: gives the next part of the body.
        settings: limits.

    Raises:
        ProtocolError: it is compressed.
        BodyTooLargeError: more bytes, or more bytes of JSON, than are allowed.
        ClientDisconnect: the client has left.
    """
    if fields.get("content-encoding", "identity") != "identity":
        raise ProtocolError(
            "the body is compressed, expected it as it is: send no Content-Encoding"
        )
    limit = settings.max_body_bytes
    _check_size("body", _number(fields.get("content-length", ""), 0), limit)
    chunks, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        _check_size("body", size, limit)
        more = message.get("more_body", False)
    _check_size("JSON", _number(fields.get(_LENGTH, ""), size), settings.max_json_bytes)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def allowed_seconds(parameters: Mapping[str, object], most: float) -> float:
    """How long the answer may take: what the request says, at most ``most``.

    Raises:
        ProtocolError: what it says is no number of microseconds.
    """
    asked = parameters.get(TIMEOUT)
    if asked is None:
        return most
    if type(asked) is not int or asked < 0:
        raise ProtocolError(f"{TIMEOUT!r} is {asked!r}, expected microseconds, 0 for no wish")
    return asked / 1e6 if 0 < asked < most * 1e6 else most


def _number(text: str, otherwise: int) -> int:
    """A header's number; of one with more digits than any size has, the first are enough."""
    return int(text[:20]) if text.isdecimal() else otherwise


def _check_size(what: str, size: int, limit: int) -> None:
    if size > limit:
        raise BodyTooLargeError(f"the {what} is {size} bytes or more, expected at most {limit}")
