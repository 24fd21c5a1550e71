"""Keep freed memory for the next step of training instead of giving it back to the system.

glibc returns large blocks to the system when they are freed, and every step of training takes
them again, page by page.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -2, -3, -4, -8  # malloc.h

#: One arena: threads that train side by side then share what is kept.
_KEEP = {_ARENA_MAX: 1, _MMAP_MAX: 0, _TRIM_THRESHOLD: 2**31 - 1, _TOP_PAD: 2**28}
#: Where glibc's own thresholds end up in a process that has used large blocks.
_USUAL = {_MMAP_MAX: 65536, _MMAP_THRESHOLD: 2**25, _TRIM_THRESHOLD: 2**26, _TOP_PAD: 2**17}

_lock = threading.Lock()
_users = 0


@contextmanager
def keeping_memory() -> Iterator[None]:
    """Keep freed memory until the last user ends, then give it back.

    Nothing happens where there is no glibc.
    """
    global _users
    with _lock:
        _users += 1
        if _users == 1:
            _set(_KEEP)
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                _set(_USUAL)
                _call("malloc_trim", 0)


def _set(values: dict[int, int]) -> None:
    for parameter, value in values.items():
        _call("mallopt", parameter, value)


def _call(name: str, *arguments: int) -> None:
    try:
        function = getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError, TypeError):  # another C library
        return
    function(*arguments)
