"""Tight clusters of x': the rows of a codebook, and what still varies around them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from obfnet.specs import Labels, Samples

#: Rows that are looked for at most, and released samples in a row at least, on average.
MOST, LEAST_EACH = 512, 8
#: Root mean square distance to a row, in typical deviations of a value, of what belongs to it.
_NEAR = 0.15
#: Deviations below this, in typical deviations of a value, are rounding errors of float32.
_ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows that released samples lie at, or next to.

    A codebook releases its rows exactly. Whatever moves x' around a row, however little, is a
    message: compared with the distance between rows it is too small for any net to see.

    Args:
        centres: ``(k, size)``.
        deviation: of each value around its row, ``(size,)``, at least what rounding explains.
        near: root mean square distance of what belongs to a row.
    """

    centres: Samples
    deviation: Samples
    near: float

    def residuals(self, flat: Samples) -> Samples:
        """x' ``(n, size)`` less its row, in deviations; 0 for what belongs to none."""
        index, distance = _nearest(flat, self.centres)
        apart = (flat - self.centres[index]) / self.deviation
        found: Samples = np.where(distance[:, None] < self.near, apart, np.float32(0))
        return found


def rows_of(flat: Samples) -> Rows | None:
    """The rows of x' ``(n, size)``, or None where it does not lie at a few."""
    typical = float(np.sqrt(flat.var(axis=0).mean()))
    near = _NEAR * typical
    if typical == 0:
        return None
    leaders = np.zeros((0, flat.shape[1]), np.float32)
    for part in (flat[:1024], flat):  # what has no rows is found out on a part
        leaders = _leaders(part, leaders, near)
        if len(leaders) > min(MOST, len(part) // LEAST_EACH):
            return None
    index, _ = _nearest(flat, leaders)
    means = [flat[index == row].mean(axis=0, dtype=np.float64) for row in range(len(leaders))]
    centres = np.stack(means).astype(np.float32)
    spread = np.sqrt(((flat - centres[index]) ** 2).mean(axis=0))
    return Rows(centres, np.maximum(spread, np.float32(_ROUNDING * typical)), near)


def _leaders(flat: Samples, leaders: Samples, near: float) -> Samples:
    """``leaders`` and the first sample of each further cluster; gives up beyond ``MOST``."""
    left = flat
    if len(leaders):
        left = flat[_nearest(flat, leaders)[1] >= near]
    while len(left) and len(leaders) <= MOST:
        leaders = np.concatenate([leaders, left[:1]])
        left = left[np.sqrt(((left - left[0]) ** 2).mean(axis=1)) >= near]
    return leaders


def _nearest(flat: Samples, centres: Samples) -> tuple[Labels, Samples]:
    """Index ``(n,)`` of the nearest centre, and root mean square distance to it."""
    products = flat @ centres.T
    index = ((centres**2).sum(axis=1) - 2 * products).argmin(axis=1)
    return index, np.sqrt(((flat - centres[index]) ** 2).mean(axis=1))
