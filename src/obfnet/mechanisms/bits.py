"""Release B signs and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from obfnet.errors import SpecError
from obfnet.mechanisms.certificate import Certificate
from obfnet.mechanisms.entropy import Uniform, system
from obfnet.mechanisms.mechanism import Code, checked

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Bits:
    """B signs, each -1 or 1; a small decoder turns them into x'.

    Args:
        bits: B, the length of the code.

    Raises:
        SpecError: fewer than 1 bit.
    """

    bits: int

    name: ClassVar[str] = "bits"

    def __post_init__(self) -> None:
        if self.bits < 1:
            raise SpecError(f"expected at least 1 bit, got {self.bits}")

    @property
    def width(self) -> int:
        """One value for each sign."""
        return self.bits

    def certificate(self, releases: int = 1) -> Certificate:
        """I(X; X') <= B, and guessing improves at most 2^B-fold: X' takes at most 2^B values."""
        return Certificate(
            bits=float(self.bits),
            guessing_factor=2.0 ** min(self.bits, 1023),
            guessing_factor_given_label=None,
            epsilon=None,
            assumptions=("the device runs this mechanism unaltered",),
        )

    def relax(self, code: Tensor) -> Tensor:
        """Signs ``(n, B)`` that pass the gradient of tanh (straight-through; Bengio 2013)."""
        return straight_through(code)

    def release(self, code: Code, uniform: Uniform = system) -> Code:
        """Signs ``(n, B)`` of a code ``(n, B)``; zero counts as 1."""
        return signs(checked(code, self.bits))


def signs(code: Code) -> Code:
    """-1 or 1, zero counting as 1."""
    return np.where(code >= 0, np.float32(1), np.float32(-1))


def straight_through(code: Tensor) -> Tensor:
    """Exactly ``signs`` forwards, tanh backwards."""
    soft = code.tanh()
    hard: Tensor = (code >= 0).to(code.dtype) * 2 - 1
    return soft + (hard - soft).detach()
