"""95 % intervals for fractions, for means and their ratios, and for any statistic."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from obfnet.errors import SpecError

Interval = tuple[float, float]
Values = npt.NDArray[np.float64]

#: Indices that are drawn at once: bounds memory, and stays in a processor's cache.
DRAWN = 2**16


def of_fraction(hits: float, count: int) -> Interval:
    """Wilson's score interval of ``hits``, which may be a mean, out of ``count`` (Wilson 1927)."""
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
    sums = _resampled_sums(np.stack([top, bottom], axis=1), seed, draws)
    return _middle(sums[:, 0] / sums[:, 1])


def of_mean(values: Values, seed: int, draws: int = 1000) -> Interval:
    """Percentile bootstrap of the mean of ``values`` ``(n,)``, such as paired differences."""
    return _middle(_resampled_sums(values[:, None], seed, draws)[:, 0] / len(values))


def of_statistic(
    statistic: Callable[..., float],
    arrays: Sequence[npt.NDArray[Any]],
    seed: int,
    draws: int = 500,
) -> Interval:
    """Percentile bootstrap of any ``statistic``, an equal error rate or a difference of fractions.

    Args:
        statistic: called with as many arrays as were given, each with rows drawn alike, so that
            what belongs to one sample stays together.
        arrays: each ``(n, ...)``, row i of all about sample i.
        seed: fixes the draws.
        draws: how often it is computed.

    Raises:
        SpecError: no array, or arrays of different lengths.
    """
    lengths = {len(array) for array in arrays}
    if len(lengths) != 1:
        raise SpecError(f"expected arrays of one length, got lengths {sorted(lengths)}")
    (count,) = lengths
    generator = np.random.default_rng(seed)
    found = np.empty(draws)
    for draw in range(draws):
        chosen = generator.integers(0, count, count)
        found[draw] = statistic(*(array[chosen] for array in arrays))
    return _middle(found)


def _resampled_sums(columns: Values, seed: int, draws: int) -> Values:
    """Sums ``(draws, k)`` of rows drawn with replacement from ``(n, k)``, several draws at once."""
    generator = np.random.default_rng(seed)
    count = len(columns)
    at_once = max(1, DRAWN // count)
    sums = np.empty((draws, columns.shape[1]))
    for start in range(0, draws, at_once):
        many = min(at_once, draws - start)
        chosen = generator.integers(0, count, (many, count), dtype=np.int32)
        chosen += np.arange(many, dtype=np.int32)[:, None] * np.int32(count)
        times = np.bincount(chosen.ravel(), minlength=many * count).reshape(many, count)
        sums[start : start + many] = times.astype(np.float64) @ columns
    return sums


def _middle(found: Values) -> Interval:
    """What holds 95 % of ``found``."""
    low, high = np.percentile(found, (2.5, 97.5))
    return (float(low), float(high))
