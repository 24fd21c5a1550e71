"""The InfNet: a classifier that answers and never changes, whatever it is made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from obfnet.errors import SpecError
from obfnet.specs import Labels, Samples

#: Log-probabilities ``(n, classes)``, float32.
Scores = Samples


class InfNet(ABC):
    """A frozen classifier, whatever it is made of; ``obfnet.freeze`` makes one.

    Attributes:
        digest: identifies the model; ``verify`` compares it with what the model is now.
        differentiable: whether ``logits`` gives gradients to the samples.
    """

    digest: str
    differentiable: bool = False

    @abstractmethod
    def log_probabilities(self, samples: Samples, batch: int = 512) -> Scores:
        """Log-probabilities ``(n, classes)`` of samples ``(n, *shape)``, float32."""

    @abstractmethod
    def verify(self) -> None:
        """Check that the model is what it was when it was frozen.

        Raises:
            InfNetChangedError: it is not.
        """

    def logits(self, samples: Tensor) -> Tensor:
        """Logits ``(n, classes)`` of samples ``(n, *shape)``, differentiable in the samples.

        Raises:
            SpecError: this InfNet gives no gradients.
        """
        raise SpecError(f"{type(self).__name__} answers without gradients: forge without them")

    def predict(self, samples: Samples, batch: int = 512) -> Labels:
        """Labels ``(n,)`` of samples ``(n, *shape)``."""
        labels: Labels = self.log_probabilities(samples, batch).argmax(1)
        return labels


def in_batches(logits: Callable[[Samples], Tensor], samples: Samples, batch: int) -> Scores:
    """Log-softmax of the logits of ``samples``, asked ``batch`` at a time."""
    with torch.inference_mode():
        parts = [
            logits(samples[start : start + batch]).log_softmax(1)
            for start in range(0, len(samples), batch)
        ]
    return torch.cat(parts).numpy() if parts else np.zeros((0, 1), np.float32)
