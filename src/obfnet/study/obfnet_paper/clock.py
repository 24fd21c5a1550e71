"""Timings of one call on one processor, as a small device has it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def pinned() -> Iterator[None]:
    """Keep this thread on one processor, where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def seconds_of(call: Callable[[], object], count: int) -> list[float]:
    """Seconds of each of ``count`` calls, after a few that do not count."""
    for _ in range(max(2, count // 10)):
        call()
    found = []
    for _ in range(count):
        started = time.perf_counter()
        call()
        found.append(time.perf_counter() - started)
    return found
