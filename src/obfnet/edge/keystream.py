"""Randomness that a secret seed determines, in the form that mechanisms draw it."""

from __future__ import annotations

import math
from hashlib import shake_256
from itertools import count

import numpy as np
import numpy.typing as npt

from obfnet.mechanisms.entropy import Uniform


def keystream(seed: bytes) -> Uniform:
    """Uniform values in [0, 1) with 53 bits each, expanded from ``seed`` by SHAKE-256.

    The same seed and the same calls give the same values on every machine; without the seed they
    cannot be told from true randomness.
    """
    calls = count()

    def uniform(shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
        block = seed + next(calls).to_bytes(8, "big")
        words = np.frombuffer(shake_256(block).digest(8 * math.prod(shape)), "<u8")
        return np.asarray((words >> np.uint64(11)).reshape(shape) * 2.0**-53, np.float64)

    return uniform
