"""Descriptions that several rooms share: plain frozen data, no behaviour beyond checking."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from obfnet.errors import SampleRejectedError, SpecError

Samples = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SampleSpec:
    """What one sample of an InfNet looks like.

    Args:
        shape: shape of one sample without the batch axis, e.g. ``(1, 28, 28)``.
        low: least value a raw sample takes, in the InfNet's own units.
        high: greatest value a raw sample takes.
    """

    shape: tuple[int, ...]
    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.shape or min(self.shape) < 1:
            raise SpecError(f"sample shape must be positive integers, got {self.shape}")
        if not self.low < self.high:
            raise SpecError(f"value range must satisfy low < high, got [{self.low}, {self.high}]")

    @property
    def size(self) -> int:
        """Number of values in one sample."""
        return int(np.prod(self.shape))

    def check(self, samples: npt.NDArray[np.generic]) -> Samples:
        """Return ``samples`` as they came if they are a float32 batch of this spec.

        Args:
            samples: array of shape ``(n, *shape)``, float32, finite, values in ``[low, high]``.

        Raises:
            SampleRejectedError: wrong dtype, wrong shape, NaN or infinity, value out of range.
        """
        if samples.dtype != np.float32:
            raise SampleRejectedError(
                f"samples are {samples.dtype}, expected float32; convert with .astype('float32')"
            )
        if samples.ndim != len(self.shape) + 1 or samples.shape[1:] != self.shape:
            axes = ", ".join(map(str, self.shape))
            raise SampleRejectedError(f"samples have shape {samples.shape}, expected (n, {axes})")
        if not np.isfinite(samples).all():
            raise SampleRejectedError("samples hold NaN or infinity; clean them before sending")
        if samples.size and (samples.min() < self.low or samples.max() > self.high):
            raise SampleRejectedError(
                f"sample values span [{samples.min():g}, {samples.max():g}], expected within "
                f"[{self.low:g}, {self.high:g}]; scale them as the InfNet's data was"
            )
        checked: Samples = samples  # type: ignore[assignment]  # the dtype was just checked
        return checked
