"""Slant of handwriting: a private attribute of the writer that the label says nothing about."""

from __future__ import annotations

import numpy as np

from obfnet.data import halves
from obfnet.specs import Labels, Samples

SIDES = ("left", "right")


def side(images: Samples, labels: Labels) -> Labels:
    """On which side of its own class's median slant each image leans.

    The slant is the shear ``-mu11 / mu02`` of the ink's second central moments (``y`` grows
    downwards, so "/" is positive). Comparing with the median of the *class* makes the attribute
    independent of the label: guessing from the label alone is right half of the time.

    Args:
        images: ``(n, 1, height, width)`` with ink > 0 on background 0.
        labels: ``(n,)`` int64.

    Returns:
        ``(n,)`` int64 indices into ``SIDES``; 1 is to the right of the median.
    """
    return halves.above(_shear(images), labels)


def _shear(images: Samples) -> Samples:
    """``-mu11 / mu02`` of every image, 0 where an image has no height: one matrix product."""
    height, width = images.shape[-2:]
    # Origin at the middle, so that float32 moments lose nothing to cancellation.
    y, x = np.mgrid[:height, :width].reshape(2, -1) - np.array([[height - 1], [width - 1]]) / 2
    basis = np.stack([np.ones_like(x), x, y, x * y, y * y], axis=1).astype(np.float32)
    mass, sum_x, sum_y, sum_xy, sum_yy = (images.reshape(len(images), -1) @ basis).T
    mass = np.maximum(mass, np.finfo(np.float32).tiny)
    mu11 = sum_xy - sum_x * sum_y / mass
    mu02 = sum_yy - sum_y * sum_y / mass
    return np.where(mu02 > 1e-6, -mu11 / np.maximum(mu02, 1e-6), 0).astype(np.float32)
