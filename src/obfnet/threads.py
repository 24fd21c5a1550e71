"""How many threads this process may use: its CPU affinity, not the machine's core count."""

from __future__ import annotations

import os


def available() -> int:
    """Processors this process may run on, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1
