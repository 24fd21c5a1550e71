"""Release a code of bounded norm with Gaussian noise."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from obfnet.errors import SpecError
from obfnet.mechanisms.certificate import Certificate
from obfnet.mechanisms.entropy import Uniform, normal, system
from obfnet.mechanisms.mechanism import Code, checked

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Gaussian:
    """A code clipped to norm r, plus N(0, sigma^2) in each of its k values.

    Args:
        size: k, the length of the code.
        radius: r, the greatest Euclidean norm of a code.
        sigma: standard deviation of the noise.

    Raises:
        SpecError: a value that is not above 0.
    """

    size: int
    radius: float
    sigma: float

    name: ClassVar[str] = "gaussian"

    def __post_init__(self) -> None:
        if self.size < 1 or not (0 < self.radius < math.inf and 0 < self.sigma < math.inf):
            raise SpecError(f"expected size >= 1, radius > 0 and sigma > 0, got {self}")

    @property
    def width(self) -> int:
        """One value for each dimension."""
        return self.size

    def certificate(self, releases: int = 1) -> Certificate:
        """I <= (k/2) log2(1 + m r^2 / (k sigma^2)) for m releases.

        The capacity of k Gaussian channels under a common power limit (Shannon 1948); m
        releases are as one with their mean, whose noise is sigma / sqrt(m). The guessing factor
        is the maximal leakage of that channel, the integral over z of the greatest density.
        """
        sigma = self.sigma / math.sqrt(releases)
        ratio = (self.radius / sigma) ** 2
        return Certificate(
            bits=self.size / 2 * math.log2(1 + ratio / self.size),
            guessing_factor=_maximal_leakage(self.size, self.radius / sigma),
            guessing_factor_given_label=None,
            epsilon=None,
            assumptions=(
                "the device runs this mechanism unaltered",
                "its random generator is secret and true",
                "noise is Gaussian; the rounding of 64-bit arithmetic is neglected",
            ),
        )

    def relax(self, code: Tensor) -> Tensor:
        """The same in torch, with noise from torch's random state."""
        norm = code.norm(dim=1, keepdim=True).clamp(min=self.radius)
        noise = code.new_empty(code.shape).normal_(0, self.sigma)
        noisy: Tensor = code * (self.radius / norm) + noise
        return noisy

    def release(self, code: Code, uniform: Uniform = system) -> Code:
        """Clipped and noisy code ``(n, k)`` of a code ``(n, k)``."""
        exact = checked(code, self.size).astype(np.float64)
        norm = np.maximum(np.linalg.norm(exact, axis=1, keepdims=True), self.radius)
        noise = self.sigma * normal(code.shape, uniform)
        return np.asarray(exact * (self.radius / norm) + noise, np.float32)


def _maximal_leakage(size: int, ratio: float) -> float:
    """Integral over z in R^k of the greatest N(u, 1) density with |u| <= ratio.

    Inside the ball the greatest density is the peak; at distance t outside it is exp(-t^2/2)
    times the peak. In polar coordinates (Steiner's formula) with V the volume of the unit ball:
    (2 pi)^(-k/2) V (ratio^k + k sum_j C(k-1, j) ratio^(k-1-j) 2^((j-1)/2) Gamma((j+1)/2)).
    """
    logs = [size * math.log(ratio)]
    for j in range(size):
        logs.append(
            math.log(size * math.comb(size - 1, j))
            + (size - 1 - j) * math.log(ratio)
            + (j - 1) / 2 * math.log(2)
            + math.lgamma((j + 1) / 2)
        )
    greatest = max(logs)
    total = greatest + math.log(sum(math.exp(value - greatest) for value in logs))
    total -= math.lgamma(size / 2 + 1) + size / 2 * math.log(2)
    return math.exp(total) if total < 700 else math.inf
