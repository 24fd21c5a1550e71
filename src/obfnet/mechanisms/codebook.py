"""Release nothing but the index of one of K stored samples."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from obfnet.errors import SpecError
from obfnet.mechanisms.certificate import Certificate
from obfnet.mechanisms.entropy import Uniform, system
from obfnet.mechanisms.mechanism import Code, checked

if TYPE_CHECKING:
    from torch import Tensor

#: What every table of rows relies on.
ASSUMPTIONS = (
    "the device runs this mechanism unaltered",
    "the table was fixed before the sample was seen",
    "'given the label': the InfNet takes at most rows_per_class rows for the same class (checked "
    "when the ObfNet is forged)",
)


@dataclass(frozen=True)
class Codebook:
    """K codes; x' is row ``index`` of a table of K samples that knows nothing of x.

    Args:
        codes: K, the number of rows.
        rows_per_class: m, how many rows the InfNet takes for the same class; divides K.

    Raises:
        SpecError: fewer than 2 codes, or rows_per_class does not divide them.
    """

    codes: int
    rows_per_class: int = 1

    name: ClassVar[str] = "codebook"

    def __post_init__(self) -> None:
        if self.codes < 2:
            raise SpecError(f"a codebook needs at least 2 codes, got {self.codes}")
        if self.rows_per_class < 1 or self.codes % self.rows_per_class:
            raise SpecError(
                f"rows_per_class must divide the {self.codes} codes, got {self.rows_per_class}"
            )

    @property
    def width(self) -> int:
        """One score for each code."""
        return self.codes

    def certificate(self, releases: int = 1) -> Certificate:
        """I(X; X') <= log2 K, and guessing improves at most K-fold (m-fold given the label).

        X' takes at most K values, so H(X') <= log2 K; and for every gain function the sum over
        K outputs of the best posterior gain is at most K times the best prior gain (min-entropy
        leakage; Smith 2009, Alvim et al. 2012). A repeat releases the same index again.
        """
        return Certificate(
            bits=math.log2(self.codes),
            guessing_factor=float(self.codes),
            guessing_factor_given_label=float(self.rows_per_class),
            epsilon=None,
            assumptions=ASSUMPTIONS,
        )

    def relax(self, code: Tensor) -> Tensor:
        """Log-probabilities ``(n, K)`` of releasing each index, a softmax over the code."""
        return code.log_softmax(-1)

    def release(self, code: Code, uniform: Uniform = system) -> npt.NDArray[np.int64]:
        """Indices ``(n,)``: the largest value of each code ``(n, K)``."""
        indices: npt.NDArray[np.int64] = checked(code, self.codes).argmax(axis=1)
        return indices
