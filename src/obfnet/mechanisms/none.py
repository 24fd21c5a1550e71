"""No limit at all: the published ObfNet, kept as the baseline."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from obfnet.mechanisms.certificate import Certificate
from obfnet.mechanisms.entropy import Uniform, system
from obfnet.mechanisms.mechanism import Code

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class NoMechanism:
    """Releases the code as it is and proves nothing."""

    name: ClassVar[str] = "none"
    width: ClassVar[None] = None

    def certificate(self, releases: int = 1) -> Certificate:
        """No bound: x' may hold all of x."""
        return Certificate(math.inf, math.inf, None, None, ())

    def relax(self, code: Tensor) -> Tensor:
        """The code itself."""
        return code

    def release(self, code: Code, uniform: Uniform = system) -> Code:
        """The code itself."""
        return code
