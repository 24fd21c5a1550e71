"""Fixed samples to ask an InfNet about when no real ones are at hand."""

from __future__ import annotations

import numpy as np

from obfnet.seeds import branch
from obfnet.specs import Samples

COUNT = 8


def probes(shape: tuple[int, ...]) -> Samples:
    """``(COUNT, *shape)`` float32 in [0, 1], the same ones every time.

    Like real samples they differ in brightness and contrast, so that a net answers them with
    more than one class more often than it would pure noise.
    """
    source = np.random.default_rng(branch(0, "probes", *shape))
    noise = source.random((COUNT, *shape), dtype=np.float32)
    column = (COUNT, *[1] * len(shape))
    base, contrast = source.random((2, *column), dtype=np.float32)
    found: Samples = base + contrast * (noise - base)
    return found
