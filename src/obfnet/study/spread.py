"""Timings as least, median and greatest: a mean would hide what a busy machine adds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def spread(seconds: Sequence[float]) -> dict[str, float]:
    """``{"min", "median", "max"}`` in milliseconds, of timings in seconds."""
    low, middle, high = np.percentile(np.asarray(seconds) * 1e3, (0, 50, 100))
    return {"min": round(low, 4), "median": round(middle, 4), "max": round(high, 4)}
