"""Split a measured property at its class's median: a private attribute beyond the label."""

from __future__ import annotations

import numpy as np

from obfnet.specs import Labels, Samples


def above(measured: Samples, labels: Labels) -> Labels:
    """Whether each sample measures more than the median of its own class.

    Comparing with the median of the *class* makes the attribute independent of the label:
    guessing from the label alone is right half of the time.

    Args:
        measured: ``(n,)``.
        labels: ``(n,)`` int64.

    Returns:
        ``(n,)`` int64, 1 above the median.
    """
    found = np.zeros(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        members = labels == label
        found[members] = measured[members] > np.median(measured[members])
    return found
