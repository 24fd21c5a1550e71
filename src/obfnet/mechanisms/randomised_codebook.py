"""Randomised response on a codebook: the index released is sometimes another one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from obfnet.errors import SpecError
from obfnet.mechanisms.certificate import Certificate, binary_entropy, power
from obfnet.mechanisms.codebook import ASSUMPTIONS, Codebook
from obfnet.mechanisms.entropy import Uniform, system
from obfnet.mechanisms.mechanism import Code

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class RandomisedCodebook:
    """K codes; the right one is released with probability e^eps / (K - 1 + e^eps).

    K-ary randomised response (Kairouz, Bonawitz and Ramage 2016).

    Args:
        codes: K, the number of rows.
        epsilon: of local differential privacy, above 0.
        rows_per_class: m, how many rows the InfNet takes for the same class; divides K.

    Raises:
        SpecError: epsilon is not above 0, or the codebook makes no sense.
    """

    codes: int
    epsilon: float
    rows_per_class: int = 1

    name: ClassVar[str] = "randomised-codebook"

    def __post_init__(self) -> None:
        if not 0 < self.epsilon < math.inf:
            raise SpecError(f"expected a finite epsilon above 0, got {self.epsilon}")
        Codebook(self.codes, self.rows_per_class)

    @property
    def width(self) -> int:
        """One score for each code."""
        return self.codes

    @property
    def keep(self) -> float:
        """Probability that the right index is released."""
        return 1 / (1 + (self.codes - 1) * math.exp(-self.epsilon))

    def certificate(self, releases: int = 1) -> Certificate:
        """The capacity of the K-ary symmetric channel, and K times ``keep`` for guessing.

        The label is a function of the row, so p(row | x) <= p(label | x) and the factor m of
        the codebook given the label stays. However often one sample is released, its index is
        all there is to learn.
        """
        error = 1 - self.keep
        once = math.log2(self.codes) - binary_entropy(error) - error * math.log2(self.codes - 1)
        factor = min(float(self.codes), power(self.codes * self.keep, releases))
        return Certificate(
            bits=min(math.log2(self.codes), releases * once),
            guessing_factor=factor,
            guessing_factor_given_label=float(self.rows_per_class) if releases == 1 else None,
            epsilon=releases * self.epsilon,
            assumptions=(*ASSUMPTIONS, "the device's random generator is secret and true"),
        )

    def relax(self, code: Tensor) -> Tensor:
        """Log-probabilities ``(n, K)`` of releasing each index, the random ones included."""
        other = (1 - self.keep) / (self.codes - 1)
        right = code.log_softmax(-1) + math.log(self.keep - other)
        return right.logaddexp(right.new_tensor(math.log(other)))

    def release(self, code: Code, uniform: Uniform = system) -> npt.NDArray[np.int64]:
        """Indices ``(n,)``: the largest value of each code ``(n, K)``, or another at random."""
        right = Codebook(self.codes, self.rows_per_class).release(code)
        kept, drawn = uniform((2, len(code)))
        step = 1 + (drawn * (self.codes - 1)).astype(np.int64)
        return np.where(kept < self.keep, right, (right + step) % self.codes)
