"""How sure an accuracy is: of the test samples that were drawn, and of the seeds, together."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from obfnet.auditing.intervals import Interval, of_fraction, of_mean_ratio
from obfnet.seeds import branch
from obfnet.study.forged import Right, over_seeds
from obfnet.study.obfnet_paper.place import Place

#: Draws of recordings; there are few of them, so this costs nothing.
DRAWS = 5000


def interval(place: Place, right: Right) -> Interval:
    """95 % interval of the mean accuracy of ObfNets on the test samples of ``place``.

    Half widths of both parts are added as squares: Student's over seeds, and of the test set
    Wilson's, or a bootstrap over whole recordings where the setting holds these out.

    Args:
        place: whose test samples were asked about.
        right: whether each ObfNet's x' was answered right, ``(ObfNets, n)``.
    """
    mean = float(right.mean())
    low, high = _of_samples(place, right.mean(axis=0))
    seeds = mean - over_seeds(right.mean(axis=1))[0] if len(right) > 1 else 0.0
    return (
        max(0.0, mean - math.hypot(mean - low, seeds)),
        min(1.0, mean + math.hypot(high - mean, seeds)),
    )


def _of_samples(place: Place, shares: npt.NDArray[np.float64]) -> Interval:
    """Of other test samples, or recordings, of the same kind; ``shares`` ``(n,)`` were right."""
    if not place.setting.recordings:
        return of_fraction(float(shares.sum()), len(shares))
    held = place.data.take(place.splits.test)
    pairs = np.stack([held.labels, held.groups], axis=1)
    _, recording = np.unique(pairs, axis=0, return_inverse=True)
    recording = recording.reshape(-1)
    hits = np.bincount(recording, shares).astype(np.float64)
    frames = np.bincount(recording).astype(np.float64)
    return of_mean_ratio(hits, frames, branch(place.seed, "recordings"), DRAWS)
