"""What a mechanism proves about the samples it releases."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from obfnet.errors import SpecError


@dataclass(frozen=True)
class Certificate:
    """An upper bound on what x' tells about x, for any data, any weights and any attacker.

    It follows from the data-processing inequality: everything after the mechanism (decoder,
    quantisation, wire, backend) only processes the released code. See
    ``docs/certificates.md`` for the proofs and what is *not* covered.

    Args:
        bits: I(X; X') is at most this many bits; ``inf`` where nothing is proven.
        guessing_factor: guessing any secret of x from x' succeeds at most this many times as
            often as guessing without x' (never above probability 1).
        guessing_factor_given_label: the same over an attacker who already knows the label,
            or None where the mechanism proves nothing beyond ``guessing_factor``.
        epsilon: local differential privacy, or None where there is none.
        assumptions: what must hold on the device, in words.
    """

    bits: float
    guessing_factor: float
    guessing_factor_given_label: float | None
    epsilon: float | None
    assumptions: tuple[str, ...]

    @property
    def certified(self) -> bool:
        """Whether anything is proven at all."""
        return math.isfinite(self.bits)

    def times(self, count: int) -> Certificate:
        """The bound over ``count`` releases that share nothing but what they are about."""
        beyond = self.guessing_factor_given_label
        return replace(
            self,
            bits=self.bits * count,
            guessing_factor=power(self.guessing_factor, count),
            guessing_factor_given_label=None if beyond is None else power(beyond, count),
            epsilon=None if self.epsilon is None else self.epsilon * count,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON-ready fields; an unbounded value is None."""
        plain = asdict(self)
        for name, value in plain.items():
            if isinstance(value, float) and math.isinf(value):
                plain[name] = None
        plain["assumptions"] = list(self.assumptions)
        return plain


def least_bits(classes: int, accuracy: float) -> float:
    """Bits that any transform must let through to reach ``accuracy`` on balanced classes.

    Fano's inequality: log2 C - h2(e) - e log2(C - 1) for the error rate e.
    Certified bits above this are the *excess bits* of a report.
    """
    if classes < 2 or not 0 <= accuracy <= 1:
        raise SpecError(f"expected classes >= 2 and accuracy in [0, 1], got {classes}, {accuracy}")
    error = 1 - accuracy
    if error >= 1 - 1 / classes:
        return 0.0
    return math.log2(classes) - binary_entropy(error) - error * math.log2(classes - 1)


def binary_entropy(probability: float) -> float:
    """h2 in bits: 0 at 0 and 1, 1 at one half."""
    if probability in (0, 1):
        return 0.0
    other = 1 - probability
    return -probability * math.log2(probability) - other * math.log2(other)


def power(factor: float, count: int) -> float:
    """``factor ** count``, infinite where that is too large for a float."""
    try:
        return factor**count
    except OverflowError:
        return math.inf
