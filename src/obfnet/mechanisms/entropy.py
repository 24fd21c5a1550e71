"""Where a mechanism's randomness comes from: on a device, the operating system."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

#: Draws uniform float64 values in [0, 1) of a given shape. Experiments pass a seeded
#: ``numpy.random.Generator.random``; a device uses ``system``.
Uniform = Callable[[tuple[int, ...]], npt.NDArray[np.float64]]


def system(shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """Uniform values in [0, 1) with 53 random bits each, from the system's generator."""
    count = int(np.prod(shape))
    words = np.frombuffer(os.urandom(8 * count), np.uint64)
    return np.asarray((words >> np.uint64(11)).reshape(shape) * 2.0**-53, np.float64)


def choice(count: int, options: int, uniform: Uniform = system) -> npt.NDArray[np.int64]:
    """``(count,)`` integers in ``[0, options)``, all as likely; one option takes no randomness."""
    if options == 1:
        return np.zeros(count, np.int64)
    drawn: npt.NDArray[np.int64] = (uniform((count,)) * options).astype(np.int64)
    return drawn


def normal(shape: tuple[int, ...], uniform: Uniform) -> npt.NDArray[np.float64]:
    """Standard normal values by Box and Muller (1958) from uniform ones."""
    first, second = uniform((2, *shape))
    return np.asarray(np.sqrt(-2 * np.log1p(-first)) * np.cos(2 * np.pi * second))
