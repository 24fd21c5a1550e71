"""How a word was spoken, loud or long: private attributes of the speaker and of the moment."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from obfnet.data import halves
from obfnet.specs import Labels, Samples

VOLUMES = ("quiet", "loud")
LENGTHS = ("short", "long")
#: Of the zeroth coefficient: padding is exactly -1, and so is silence below the floor.
SILENCE = -0.999


def loud(samples: Samples, labels: Labels) -> Labels:
    """Whether each clip is louder than the median clip of its own class.

    Args:
        samples: MFCC ``(n, 1, 20, 45)`` in [-1, 1], padded with silence at the end.
        labels: ``(n,)`` int64.

    Returns:
        ``(n,)`` int64 indices into ``VOLUMES``.
    """
    energy, sounds = _energy(samples)
    mean = (energy * sounds).sum(axis=1) / np.maximum(sounds.sum(axis=1), 1)
    return halves.above(np.where(sounds.any(axis=1), mean, -1), labels)


def long(samples: Samples, labels: Labels) -> Labels:
    """Whether each clip sounds longer than the median clip of its own class; as ``loud``.

    Returns:
        ``(n,)`` int64 indices into ``LENGTHS``.
    """
    _, sounds = _energy(samples)
    frames = np.arange(1, sounds.shape[1] + 1)
    return halves.above((sounds * frames).max(axis=1), labels)


def _energy(samples: Samples) -> tuple[Samples, npt.NDArray[np.bool_]]:
    """The zeroth coefficient of each frame, and whether the frame sounds; ``(n, frames)`` both."""
    energy = samples[:, 0, 0]
    return energy, energy > SILENCE
