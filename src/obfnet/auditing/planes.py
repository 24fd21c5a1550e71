"""Samples of any shape as planes between 0 and 1, as a display would show them."""

from __future__ import annotations

from torch import Tensor

from obfnet.specs import SampleSpec


def planes(samples: Tensor, spec: SampleSpec) -> Tensor:
    """Samples ``(n, *shape)`` as ``(n, channels, height, width)``, the value range as [0, 1].

    The last two axes are the plane, those before are channels; a flat sample is one line.
    """
    shape = spec.shape if len(spec.shape) > 1 else (1, *spec.shape)
    shown = (samples - spec.low) / (spec.high - spec.low)
    return shown.reshape(len(samples), -1, *shape[-2:])
