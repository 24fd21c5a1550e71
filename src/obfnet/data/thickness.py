"""Thickness of handwriting's strokes: a private attribute of the pen and of who presses it."""

from __future__ import annotations

import numpy as np

from obfnet.data import halves
from obfnet.specs import Labels, Samples

NAMES = ("thin", "thick")


def thick(images: Samples, labels: Labels) -> Labels:
    """Whether each image's strokes are thicker than the median of its own class.

    A stroke of length L and width w has area wL and about 2L of edge, so w is twice the ink over
    its total variation, which measures edges in grey pictures too (Rudin, Osher, Fatemi 1992).
    How dark the ink is cancels out.

    Args:
        images: ``(n, 1, height, width)`` with ink > 0 on background 0.
        labels: ``(n,)`` int64.

    Returns:
        ``(n,)`` int64 indices into ``NAMES``.
    """
    return halves.above(_width(images), labels)


def _width(images: Samples) -> Samples:
    """Mean width of the strokes in pixels, ``(n,)``; 0 where there is no ink."""
    framed = np.pad(images[:, 0], ((0, 0), (1, 1), (1, 1)))
    down = np.diff(framed, axis=1)[:, :, :-1]
    right = np.diff(framed, axis=2)[:, :-1]
    edge = np.sqrt(down * down + right * right).sum(axis=(1, 2))
    ink = images.sum(axis=(1, 2, 3))
    width: Samples = np.where(ink > 0, 2 * ink / np.maximum(edge, 1e-6), 0).astype(np.float32)
    return width
