"""How an attacker's net sees a message: x' standardised, and the label beside it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from obfnet.auditing.rows import rows_of
from obfnet.specs import Labels, Samples


class View:
    """Turns x' and labels into rows ``(n, size + classes)`` of about unit scale."""

    def __init__(self, released: Samples, classes: int) -> None:
        flat = released.reshape(len(released), -1)
        self._mean = flat.mean(axis=0)
        deviation = flat.std(axis=0)
        # A value that hardly moves is divided by the typical deviation, not by its own: noise
        # of the last digit must not become the loudest input, yet small signals are kept.
        typical = float(np.sqrt((deviation**2).mean())) or 1.0
        self._scale = np.maximum(deviation, 0.01 * typical)
        self._classes = classes
        self._rows = rows_of(flat)
        self.width = flat.shape[1] + classes

    def __call__(self, released: Samples, answers: Labels) -> Tensor:
        """Rows for x' ``(n, *shape)`` and labels ``(n,)``."""
        plain = released.reshape(len(released), -1)
        flat = (plain - self._mean) / self._scale
        if self._rows is not None:  # however little x' varies around a row, it is heard
            flat = flat + self._rows.residuals(plain)
        label = np.eye(self._classes, dtype=np.float32)[answers]
        return torch.from_numpy(np.concatenate([flat, label], axis=1).astype(np.float32))
