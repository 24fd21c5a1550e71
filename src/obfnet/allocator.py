"""Keep freed memory for the next step of training instead of giving it back to the system.

glibc returns large blocks to the system when they are freed, and every step of training takes
them again, page by page: measured on two processors, that is up to half of a step's time.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -2, -3, -4  # of malloc.h

_KEEP = {_MMAP_MAX: 0, _TRIM_THRESHOLD: 2**31 - 1, _TOP_PAD: 2**28}
#: Where glibc's own thresholds end up in a process that has used large blocks.
_USUAL = {_MMAP_MAX: 65536, _MMAP_THRESHOLD: 2**25, _TRIM_THRESHOLD: 2**26, _TOP_PAD: 2**17}


@contextmanager
def keeping_memory() -> Iterator[None]:
    """Keep freed memory until the end, then give it back; nothing where there is no glibc."""
    try:
        libc = ctypes.CDLL(None)
        mallopt, trim = libc.mallopt, libc.malloc_trim
    except (OSError, AttributeError, TypeError):
        yield
        return
    _set(mallopt, _KEEP)
    try:
        yield
    finally:
        _set(mallopt, _USUAL)
        trim(0)


def _set(mallopt: ctypes._NamedFuncPointer, values: dict[int, int]) -> None:
    for parameter, value in values.items():
        mallopt(parameter, value)
