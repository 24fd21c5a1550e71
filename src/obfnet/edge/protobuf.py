"""The wire format of protobuf, as far as a reader of ONNX needs it: fields of a message by number.

After https://protobuf.dev/programming-guides/encoding. Every length is checked against the bytes
that are there, so nothing outside the message is read and nothing large is made from small input.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

#: A varint, or the bytes of anything else.
Value = int | bytes
#: All values of each field, in the order they came.
Message = Mapping[int, Sequence[Value]]

_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5
_LENGTHS = {_EIGHT: 8, _FOUR: 4}
_SIGN, _ALL = 1 << 63, 1 << 64


def fields(content: bytes) -> Message:
    """The fields of the message that ``content`` is.

    Raises:
        ValueError: it is none, or is cut off.
    """
    found: dict[int, list[Value]] = defaultdict(list)
    place = 0
    while place < len(content):
        tag, place = _varint(content, place)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, place = _varint(content, place)
            found[number].append(value)
            continue
        if kind == _BYTES:
            length, place = _varint(content, place)
        elif kind in _LENGTHS:
            length = _LENGTHS[kind]
        else:
            raise ValueError(f"field {number} is of wire type {kind}")
        if length > len(content) - place:
            raise ValueError(f"field {number} promises {length} bytes")
        found[number].append(content[place : place + length])
        place += length
    return found


def integers(values: Iterable[Value]) -> list[int]:
    """Signed 64-bit integers, which may be packed or one by one."""
    plain = [one for value in values for one in _unpacked(value)]
    return [value - _ALL if value >= _SIGN else value for value in plain]


def floats(values: Iterable[Value]) -> list[float]:
    """32-bit floats, which may be packed or one by one.

    Raises:
        ValueError: there is something else.
    """
    found: list[float] = []
    for value in values:
        if isinstance(value, int) or len(value) % 4:
            raise ValueError("a float does not have four bytes")
        found += struct.unpack(f"<{len(value) // 4}f", value)
    return found


def texts(values: Iterable[Value]) -> list[str]:
    """Strings.

    Raises:
        ValueError: there is a number, or no UTF-8.
    """
    return [inner.decode() for inner in messages(values)]


def messages(values: Iterable[Value]) -> list[bytes]:
    """The bytes of embedded messages or strings.

    Raises:
        ValueError: there is a number.
    """
    found = []
    for value in values:
        if isinstance(value, int):
            raise ValueError("a number stands where a message or text is expected")
        found.append(value)
    return found


def _unpacked(value: Value) -> Iterator[int]:
    if isinstance(value, int):
        yield value
        return
    place = 0
    while place < len(value):
        number, place = _varint(value, place)
        yield number


def _varint(content: bytes, place: int) -> tuple[int, int]:
    """The number that begins at ``place``, and where it ends."""
    number = shift = 0
    while shift < 64:
        if place >= len(content):
            raise ValueError("a number is cut off")
        byte = content[place]
        place += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number % _ALL, place
        shift += 7
    raise ValueError("a number has more than ten bytes")
