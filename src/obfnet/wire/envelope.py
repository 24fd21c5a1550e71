"""The outer form of a message: a JSON object, then the bytes of its binary tensors."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Mapping, Sequence

from obfnet.errors import ProtocolError
from obfnet.wire.fields import Fields

# Tells how many bytes of the body are JSON; absent when all of them are.
HEADER_LENGTH = "Inference-Header-Content-Length"


def join(fields: Mapping[str, object], chunks: Sequence[bytes]) -> tuple[dict[str, str], bytes]:
    """The HTTP headers and body that carry ``fields`` followed by ``chunks``."""
    header = _ENCODER.encode(fields).encode("ascii")
    if not chunks:
        return {"Content-Type": "application/json"}, header
    headers = {"Content-Type": "application/octet-stream", HEADER_LENGTH: str(len(header))}
    return headers, b"".join((header, *chunks))


def split(body: bytes, header_length: str | int | None) -> tuple[Fields, memoryview]:
    """The JSON object of ``body`` and the bytes after it.

    Args:
        body: the whole HTTP body.
        header_length: value of the ``HEADER_LENGTH`` header as it came, None if absent.

    Raises:
        ProtocolError: the length lies outside the body, or those bytes are no JSON object.
    """
    length = len(body) if header_length is None else _length(str(header_length), len(body))
    view = memoryview(body)
    return parse(bytes(view[:length])), view[length:]


def parse(content: bytes) -> Fields:
    """The JSON object that ``content`` is.

    Raises:
        ProtocolError: not UTF-8, not JSON (NaN and Infinity are not), or not an object.
    """
    try:
        fields = _DECODER.decode(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ProtocolError(
            f"message is not JSON ({error}): begins with {content[:24]!r}, expected an object; "
            f"binary tensors need the {HEADER_LENGTH} header"
        ) from error
    if not isinstance(fields, dict):
        raise ProtocolError(f"message is {reprlib.repr(fields)}, expected a JSON object")
    return fields


def _length(value: str, size: int) -> int:
    digits = value.isascii() and value.isdigit() and len(value) < 20
    if not digits or int(value) > size:
        raise ProtocolError(
            f"{HEADER_LENGTH} is {reprlib.repr(value)}, expected 0 to {size}, the size of the body"
        )
    return int(value)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number; send such values in binary")


# Made once: json.dumps and json.loads with arguments make theirs for each message.
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)
