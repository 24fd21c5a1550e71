"""The zip that a bundle is: written in one form only, and no other is read.

Anybody's tool unpacks it. What is read here is what is written here, byte for byte: no comment,
no extra field, no hidden or doubled member, no slack where something could differ unnoticed.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from obfnet.bundling.digest import sha256
from obfnet.errors import BundleRejectedError

STORED, DEFLATED = 0, 8
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
#: Zip's own first day, so that equal contents make equal bundles.
_DATE = 0x21
_VERSION = 20
_UNIX = 3 << 8
_MODE = 0o100644 << 16
#: Zip's numbers have 32 bits, its counts 16.
_MOST_BYTES, _MOST_MEMBERS = 0xFFFFFFFF, 0xFFFF
#: Plain relative paths, so that whoever unpacks a bundle stays inside the folder.
_NAME = re.compile(r"\w[\w.-]*(/\w[\w.-]*)*", re.ASCII)


@dataclass(frozen=True)
class Packed:
    """A member as it lies in the file.

    Args:
        name: plain relative path.
        method: ``STORED`` or ``DEFLATED``.
        stream: its bytes in the file.
        crc: CRC-32 of what it unpacks to.
        size: bytes it unpacks to.
    """

    name: str
    method: int
    stream: bytes
    crc: int
    size: int

    @property
    def digest(self) -> str:
        """SHA-256 of it as it lies in the file: pins both what it unpacks to and how."""
        return sha256(bytes([self.method]) + self.stream).hex()

    def unpack(self) -> bytes:
        """Its content; never more than ``size`` bytes are inflated.

        Raises:
            BundleRejectedError: it is damaged, or unpacks to another size.
        """
        if self.method == STORED:
            data, whole = self.stream, True
        else:
            inflater = zlib.decompressobj(-zlib.MAX_WBITS)
            try:
                data = inflater.decompress(self.stream, self.size + 1)
            except zlib.error as error:
                raise BundleRejectedError(f"member {self.name} is damaged: {error}") from error
            whole = inflater.eof and not inflater.unused_data
        if not whole or len(data) != self.size or zlib.crc32(data) != self.crc:
            raise BundleRejectedError(f"member {self.name} is not the {self.size} bytes promised")
        return data


def packed(name: str, content: bytes, *, deflate: bool = True) -> Packed:
    """``content`` as a member, deflated if that makes it smaller."""
    stream = content
    if deflate:
        deflater = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        stream = deflater.compress(content) + deflater.flush()
    smaller = len(stream) < len(content)
    return Packed(
        name,
        DEFLATED if smaller else STORED,
        stream if smaller else content,
        zlib.crc32(content),
        len(content),
    )


def join(members: Sequence[Packed]) -> bytes:
    """The file of these members, in this order.

    Raises:
        BundleRejectedError: too many or too large for zip, a name that is no plain relative
            path, or one that comes twice.
    """
    names = [member.name for member in members]
    for name in names:
        if not _NAME.fullmatch(name):
            raise BundleRejectedError(f"member {name!r} has a name that is no plain relative path")
    if len(set(names)) != len(names):
        raise BundleRejectedError("two members have the same name")
    total = sum(len(member.stream) + 2 * len(member.name) + 100 for member in members)
    if len(members) > _MOST_MEMBERS or total > _MOST_BYTES:
        raise BundleRejectedError(f"{len(members)} members of {total} bytes are too much for a zip")
    body, directory = bytearray(), bytearray()
    for member in members:
        path = member.name.encode("ascii")
        facts = (member.method, 0, _DATE, member.crc, len(member.stream), member.size, len(path), 0)
        directory += _CENTRAL.pack(
            b"PK\1\2", _UNIX | _VERSION, _VERSION, 0, *facts, 0, 0, 0, _MODE, len(body)
        )
        directory += path
        body += _LOCAL.pack(b"PK\3\4", _VERSION, 0, *facts) + path + member.stream
    count = len(members)
    end = _END.pack(b"PK\5\6", 0, 0, count, count, len(directory), len(body), 0)
    return bytes(body + directory + end)


def split(content: bytes, most_members: int, most_bytes: int) -> list[Packed]:
    """The members of a file that ``join`` wrote; nothing is inflated.

    Args:
        content: the whole file.
        most_members: members at most.
        most_bytes: that the file has, and that all members unpack to, at most.

    Raises:
        BundleRejectedError: too many or too large, or ``join`` does not write this file.
    """
    if len(content) > most_bytes:
        raise BundleRejectedError(f"it has {len(content)} bytes, expected at most {most_bytes}")
    members: list[Packed] = []
    place = total = 0
    while content[place : place + 4] == b"PK\3\4" and len(content) >= place + _LOCAL.size:
        (_, _, _, method, _, _, crc, length, size, name_length, _) = _LOCAL.unpack_from(
            content, place
        )
        start = place + _LOCAL.size + name_length
        place = start + length
        total += size
        if len(members) == most_members or total > most_bytes:
            raise BundleRejectedError(
                f"it holds more than {most_members} members or {most_bytes} bytes unpacked"
            )
        if method not in (STORED, DEFLATED):
            raise BundleRejectedError(f"a member is packed by method {method}, expected 0 or 8")
        name = content[start - name_length : start].decode("ascii", "replace")
        members.append(Packed(name, method, content[start:place], crc, size))
    if join(members) != content:
        raise BundleRejectedError("it is no bundle, or was changed after it was written")
    return members
