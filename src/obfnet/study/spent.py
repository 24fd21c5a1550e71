"""Wall time that went into a study's folder, over all processes that worked in it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from obfnet import files


def clock(folder: Path) -> Callable[[], float]:
    """Start a clock that goes on from where the last one of ``folder`` was read.

    Each reading is in seconds and is kept. What a killed process did after its last reading is
    lost with it, so a study reads its clock after every row.
    """
    path = folder / "seconds.json"
    before = float(json.loads(path.read_text())) if path.exists() else 0.0
    started = time.perf_counter()

    def read() -> float:
        seconds = before + time.perf_counter() - started
        files.write(path, json.dumps(seconds))
        return seconds

    return read
