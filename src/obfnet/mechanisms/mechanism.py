"""What every mechanism offers: a torch form to train with and an exact form for the device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from obfnet.mechanisms.certificate import Certificate
from obfnet.registry import find

if TYPE_CHECKING:
    from torch import Tensor

Code = npt.NDArray[np.float32]


class Mechanism(Protocol):
    """Limits a code between encoder and decoder; holds no learned weights.

    Mechanisms are frozen dataclasses: their fields are their arguments.
    """

    @property
    def name(self) -> str:
        """The bare name it is registered under."""

    def certificate(self) -> Certificate:
        """What one release proves."""

    def relax(self, code: Tensor) -> Tensor:
        """The differentiable form, used in training only: code ``(n, k)`` to released code."""

    def release(self, code: Code) -> npt.NDArray[np.generic]:
        """The exact form that the device enforces: code ``(n, k)`` to released code."""


def make(name: str, arguments: Mapping[str, Any]) -> Mechanism:
    """The registered mechanism ``name`` with ``arguments``, as a manifest or spec names it."""
    mechanism: Mechanism = find("mechanisms", name)(**arguments)
    return mechanism
