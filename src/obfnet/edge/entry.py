"""The bytes that one waiting message has on disk, with a hash that tells damage."""

from __future__ import annotations

import hashlib
import json

from obfnet.edge.message import Message
from obfnet.errors import QueueDamagedError

_MAGIC = b"obfnet message 1\n"
_DIGEST = 32


def encode(message: Message) -> bytes:
    """A message as bytes; whether it is obfuscated is not among them: all that are kept are."""
    head = json.dumps([message.headers, message.count]).encode("ascii")
    content = len(head).to_bytes(4, "big") + head + message.body
    return b"".join((_MAGIC, hashlib.sha256(content).digest(), content))


def decode(name: str, content: bytes) -> Message:
    """What ``encode`` wrote.

    Raises:
        QueueDamagedError: it is not what was written.
    """
    start = len(_MAGIC) + _DIGEST
    digest = hashlib.sha256(content[start:]).digest()
    if not content.startswith(_MAGIC) or content[len(_MAGIC) : start] != digest:
        raise QueueDamagedError(
            f"entry {name} is damaged and was skipped: check the disk; its sample must be sent "
            "again"
        )
    end = start + 4 + int.from_bytes(content[start : start + 4], "big")
    headers, count = json.loads(content[start + 4 : end])
    return Message(headers, content[end:], obfuscated=True, count=count)
