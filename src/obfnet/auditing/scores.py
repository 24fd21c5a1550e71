"""How far a reconstruction is from its original: one number for each sample, 0 is perfect."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from obfnet.auditing.intervals import Values
from obfnet.auditing.pyramid import pyramid_distance
from obfnet.auditing.ssim import ssim_distance
from obfnet.specs import Samples, SampleSpec

#: Originals and reconstructions ``(n, *shape)`` to distances ``(n,)``, least 0.
Score = Callable[[Samples, Samples, SampleSpec], Values]
#: The same on tensors, with gradients: what an attack trains on.
Smooth = Callable[[Tensor, Tensor, SampleSpec], Tensor]

#: Values that are compared at once: few enough to stay in a processor's cache.
BATCH = 2**17


def squared(originals: Tensor, guess: Tensor, spec: SampleSpec) -> Tensor:
    """Mean squared error of each sample, in squared units of the samples; differentiable."""
    return (guess - originals).square().flatten(1).mean(dim=1)


def mse(originals: Samples, guess: Samples, spec: SampleSpec) -> Values:
    """Mean squared error of each sample, in squared units of the samples."""
    squares = (guess - originals).astype(np.float64) ** 2
    errors: Values = squares.reshape(len(originals), -1).mean(axis=1)
    return errors


def psnr(error: float, spec: SampleSpec) -> float:
    """Peak signal-to-noise ratio in dB of a mean squared error; infinite for 0.

    The peak is the width of the value range: 1 for samples in [0, 1], 2 for those in [-1, 1].
    """
    return (
        math.inf if error <= 0 else 20 * math.log10(spec.high - spec.low) - 10 * math.log10(error)
    )


def _judged_by(smooth: Smooth) -> Score:
    """``smooth`` on arrays, batch by batch."""

    def score(originals: Samples, guess: Samples, spec: SampleSpec) -> Values:
        batch = max(1, BATCH // spec.size)
        parts = [torch.zeros(0)]
        with torch.inference_mode():
            for start in range(0, len(originals), batch):
                part = slice(start, start + batch)
                one, other = torch.tensor(originals[part]), torch.tensor(guess[part])
                parts.append(smooth(one, other, spec))
        found: Values = torch.cat(parts).double().clamp_min(0).numpy()
        return found

    return score


#: Each score in its differentiable form.
SMOOTH: Mapping[str, Smooth] = MappingProxyType(
    {"mse": squared, "ssim": ssim_distance, "pyramid": pyramid_distance}
)

SCORES: Mapping[str, Score] = MappingProxyType(
    {"mse": mse, "ssim": _judged_by(ssim_distance), "pyramid": _judged_by(pyramid_distance)}
)
