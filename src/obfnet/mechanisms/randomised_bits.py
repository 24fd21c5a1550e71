"""Randomised response on signs: each is flipped with probability p before it is released."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from obfnet.errors import SpecError
from obfnet.mechanisms.bits import signs, straight_through
from obfnet.mechanisms.certificate import Certificate, binary_entropy
from obfnet.mechanisms.entropy import Uniform, system
from obfnet.mechanisms.mechanism import Code, checked

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class RandomisedBits:
    """B signs, each flipped with probability p (Warner 1965).

    Args:
        bits: B, the length of the code.
        flip: p, above 0 and below one half.

    Raises:
        SpecError: fewer than 1 bit, or another probability.
    """

    bits: int
    flip: float

    name: ClassVar[str] = "randomised-bits"

    def __post_init__(self) -> None:
        if self.bits < 1:
            raise SpecError(f"expected at least 1 bit, got {self.bits}")
        if not 0 < self.flip < 0.5:
            raise SpecError(f"expected a flip probability above 0 and below .5, got {self.flip}")

    @property
    def width(self) -> int:
        """One value for each sign."""
        return self.bits

    def certificate(self, releases: int = 1) -> Certificate:
        """B binary symmetric channels: I <= B (1 - h2(p)), eps = B ln((1 - p) / p) for one.

        Guessing improves at most by the sum over outputs of their greatest likelihood,
        (2 (1 - p))^B (maximal leakage; Issa, Wagner and Kamath 2020). However often one sample
        is released, its B signs are all there is to learn.
        """
        once = self.bits * (1 - binary_entropy(self.flip))
        factor = self.bits * releases * math.log2(2 * (1 - self.flip))
        return Certificate(
            bits=min(float(self.bits), releases * once),
            guessing_factor=2.0 ** min(factor, self.bits, 1023),
            guessing_factor_given_label=None,
            epsilon=releases * self.bits * math.log((1 - self.flip) / self.flip),
            assumptions=(
                "the device runs this mechanism unaltered",
                "its random generator is secret and true",
            ),
        )

    def relax(self, code: Tensor) -> Tensor:
        """Signs ``(n, B)`` with random flips, passing the gradient of tanh."""
        kept = (code.new_empty(code.shape).uniform_() >= self.flip).to(code.dtype) * 2 - 1
        return straight_through(code) * kept

    def release(self, code: Code, uniform: Uniform = system) -> Code:
        """Signs ``(n, B)`` of a code ``(n, B)``, flipped at random."""
        flipped = uniform(code.shape) < self.flip
        return np.where(flipped, -1, 1).astype(np.float32) * signs(checked(code, self.bits))
