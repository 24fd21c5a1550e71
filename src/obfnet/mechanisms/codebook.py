"""Release nothing but the index of one of K stored samples."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from obfnet.errors import ObfuscationFailedError, SpecError
from obfnet.mechanisms.certificate import Certificate
from obfnet.mechanisms.mechanism import Code

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Codebook:
    """K codes; x' is row ``index`` of a table of K samples that knows nothing of x.

    Args:
        codes: K, the number of rows.
        rows_per_class: m, how many rows the InfNet takes for the same class; divides K.
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

    def certificate(self) -> Certificate:
        """I(X; X') <= log2 K, and guessing improves at most K-fold (m-fold given the label).

        X' takes at most K values, so H(X') <= log2 K; and for every gain function the sum over
        K outputs of the best posterior gain is at most K times the best prior gain (min-entropy
        leakage; Smith 2009, Alvim et al. 2012).
        """
        return Certificate(
            bits=math.log2(self.codes),
            guessing_factor=float(self.codes),
            guessing_factor_given_label=float(self.rows_per_class),
            deterministic=True,
            assumptions=(
                "the device runs this mechanism unaltered",
                "the table was fixed before the sample was seen",
                "'given the label': the InfNet takes at most rows_per_class rows for the same "
                "class (checked when the ObfNet is forged)",
            ),
        )

    def relax(self, code: Tensor) -> Tensor:
        """Probabilities ``(n, K)`` of releasing each index, a softmax over the code."""
        return code.softmax(-1)

    def release(self, code: Code) -> npt.NDArray[np.int64]:
        """Indices ``(n,)``: the largest value of each code ``(n, K)``.

        Raises:
            ObfuscationFailedError: the code has another width, or holds NaN or infinity.
        """
        if code.ndim != 2 or code.shape[1] != self.codes:
            raise ObfuscationFailedError(
                f"the encoder gave a code of shape {code.shape}, expected (n, {self.codes})"
            )
        if not np.isfinite(code).all():
            raise ObfuscationFailedError("the encoder gave NaN or infinity; nothing is released")
        indices: npt.NDArray[np.int64] = code.argmax(axis=1)
        return indices
