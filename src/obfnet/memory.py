"""How much memory this process may still take: what is free, within its container's limit."""

from __future__ import annotations

import os
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
_LIMIT = Path("/sys/fs/cgroup/memory.max")
_TAKEN = Path("/sys/fs/cgroup/memory.current")
_PARTS = Path("/sys/fs/cgroup/memory.stat")
#: Assumed where the system does not say.
_UNKNOWN = 1 << 30


def available() -> int:
    """Bytes that are free or can be freed, at least 1."""
    return max(1, min(_of_machine(), _of_container()))


def _of_machine() -> int:
    try:
        for line in _MEMINFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # macOS and Windows
        return _UNKNOWN


def _of_container() -> int:
    try:
        return int(_LIMIT.read_text()) - int(_TAKEN.read_text()) + _of_files()
    except (OSError, ValueError):  # no container, or one without a limit
        return 1 << 62


def _of_files() -> int:
    """Bytes of files that were read: they count as taken, and are dropped when others need them."""
    lines = (line.split() for line in _PARTS.read_text().splitlines())
    return next((int(count) for name, count in lines if name == "inactive_file"), 0)
