"""A request's body and time, within the limits."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.requests import Request

from obfnet.errors import BodyTooLargeError, ProtocolError, SlowBodyError
from obfnet.serving.settings import Settings
from obfnet.wire import HEADER_LENGTH

#: The parameter of a request that says how many microseconds it may take, as Triton has it.
TIMEOUT = "timeout"


async def read_body(request: Request, settings: Settings) -> bytes:
    """The body, refused as soon as it is known to exceed a limit.

    Raises:
        ProtocolError: it is compressed.
        BodyTooLargeError: more bytes, or more bytes of JSON, than are allowed.
        SlowBodyError: it took longer to come than is allowed.
    """
    if request.headers.get("content-encoding", "identity") != "identity":
        raise ProtocolError(
            "the body is compressed, expected it as it is: send no Content-Encoding"
        )
    limit = settings.max_body_bytes
    _check_size("body", _number(request.headers.get("content-length", ""), 0), limit)
    chunks, size = [], 0
    try:
        async with asyncio.timeout(settings.timeout):
            async for chunk in request.stream():
                size += len(chunk)
                _check_size("body", size, limit)
                chunks.append(chunk)
    except TimeoutError:
        raise SlowBodyError(
            f"{size} bytes of the body came in {settings.timeout:g} s, expected all of it"
        ) from None
    told = _number(request.headers.get(HEADER_LENGTH, ""), size)
    _check_size("JSON", told, settings.max_json_bytes)
    return b"".join(chunks)


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
