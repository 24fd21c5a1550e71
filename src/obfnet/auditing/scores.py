"""How far a reconstruction is from its original: one number for each sample, 0 is perfect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from obfnet.auditing.intervals import Values
from obfnet.specs import Samples, SampleSpec

#: Originals and reconstructions ``(n, *shape)`` to distances ``(n,)``, least 0.
Score = Callable[[Samples, Samples, SampleSpec], Values]


def mse(originals: Samples, guess: Samples, spec: SampleSpec) -> Values:
    """Mean squared error of each sample, in squared units of the samples."""
    squares = (guess - originals).astype(np.float64) ** 2
    errors: Values = squares.reshape(len(originals), -1).mean(axis=1)
    return errors


SCORES: Mapping[str, Score] = MappingProxyType({"mse": mse})
