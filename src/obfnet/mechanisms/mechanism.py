"""What every mechanism offers: a torch form to train with and an exact form for the device."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from obfnet.errors import ObfuscationFailedError
from obfnet.mechanisms.certificate import Certificate
from obfnet.mechanisms.entropy import Uniform, system
from obfnet.registry import find

if TYPE_CHECKING:
    from torch import Tensor

#: Values of a code at most that are looked at one by one.
FEW = 32
Code = npt.NDArray[np.float32]
Released = npt.NDArray[Any]


class Mechanism(Protocol):
    """Limits a code between encoder and decoder; holds no learned weights.

    Mechanisms are frozen dataclasses: their fields are their arguments.
    """

    @property
    def name(self) -> str:
        """The bare name it is registered under."""

    @property
    def width(self) -> int | None:
        """Length of the code it takes, or None for any."""

    def certificate(self, releases: int = 1) -> Certificate:
        """What fresh ``releases`` of one sample through one ObfNet prove together."""

    def relax(self, code: Tensor) -> Tensor:
        """The differentiable form, used in training only: code ``(n, k)`` to released code."""

    def release(self, code: Code, uniform: Uniform = system) -> Released:
        """The exact form that the device enforces: code ``(n, k)`` to released code.

        Raises:
            ObfuscationFailedError: the code has another width, or holds NaN or infinity.
        """


def make(name: str, arguments: Mapping[str, Any]) -> Mechanism:
    """The registered mechanism ``name`` with ``arguments``, as a manifest or spec names it."""
    mechanism: Mechanism = find("mechanisms", name)(**arguments)
    return mechanism


def checked(code: Code, width: int) -> Code:
    """``code`` if it is finite and ``(n, width)``.

    Raises:
        ObfuscationFailedError: it is not; nothing may be released.
    """
    if code.ndim != 2 or code.shape[1] != width:
        raise ObfuscationFailedError(
            f"the encoder gave a code of shape {code.shape}, expected (n, {width})"
        )
    # After a net has run, numpy's machinery is out of the cache: few values are faster by hand.
    finite = all(map(math.isfinite, code.flat)) if code.size <= FEW else np.isfinite(code).all()
    if not finite:
        raise ObfuscationFailedError("the encoder gave NaN or infinity; nothing is released")
    return code
