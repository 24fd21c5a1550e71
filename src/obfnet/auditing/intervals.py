"""95 % intervals for fractions and for ratios of means."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Interval = tuple[float, float]
Values = npt.NDArray[np.float64]


def of_fraction(hits: int, count: int) -> Interval:
    """Wilson's score interval of ``hits`` out of ``count`` (Wilson 1927)."""
    if count < 1:
        return (0.0, 1.0)
    z, share = 1.959964, hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    spread = (z / (1 + z * z / count)) * math.sqrt(
        share * (1 - share) / count + z * z / (4 * count * count)
    )
    return (max(0.0, middle - spread), min(1.0, middle + spread))


def of_mean_ratio(top: Values, bottom: Values, seed: int, draws: int = 1000) -> Interval:
    """Percentile bootstrap of ``mean(top) / mean(bottom)`` over paired samples ``(n,)``."""
    generator = np.random.default_rng(seed)
    count = len(top)
    ratios = np.empty(draws)
    for draw in range(draws):
        chosen = generator.integers(0, count, count)
        ratios[draw] = top[chosen].sum() / bottom[chosen].sum()
    low, high = np.percentile(ratios, (2.5, 97.5))
    return (float(low), float(high))
