"""The InfNet: a classifier that answers and never changes, held to it by a digest."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from itertools import chain

import numpy as np
import torch
from torch import Tensor, nn

from obfnet.errors import InfNetChangedError, SpecError
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


class TorchInfNet(InfNet):
    """A frozen torch module.

    Args:
        module: maps samples ``(n, *shape)`` to logits ``(n, classes)``; in eval mode, no
            parameter asks for gradients (gradients to the *samples* still flow).
        digest: hash of all parameters and buffers at the moment of freezing.
    """

    differentiable = True

    def __init__(self, module: nn.Module, digest: str) -> None:
        self.module = module
        self.digest = digest

    def logits(self, samples: Tensor) -> Tensor:
        """Logits ``(n, classes)`` of samples ``(n, *shape)``, differentiable in the samples."""
        logits: Tensor = self.module(samples)
        if logits.ndim != 2 or len(logits) != len(samples):
            raise SpecError(
                f"the InfNet answers with shape {tuple(logits.shape)} for {len(samples)} samples, "
                "expected (n, classes): it is no classifier of single samples"
            )
        return logits

    def log_probabilities(self, samples: Samples, batch: int = 512) -> Scores:
        """Log-softmax of the logits."""
        with torch.inference_mode():
            parts = [
                self.logits(torch.tensor(samples[start : start + batch])).log_softmax(1)
                for start in range(0, len(samples), batch)
            ]
        return torch.cat(parts).numpy() if parts else np.zeros((0, 1), np.float32)

    def verify(self) -> None:
        """Check that parameters and buffers are what they were.

        Raises:
            InfNetChangedError: one differs. The usual cause is a BatchNorm left in train mode:
                its running statistics move even with gradients off.
        """
        found = digest(self.module)
        if found != self.digest:
            raise InfNetChangedError(
                f"the InfNet's digest is {found[:12]}, expected {self.digest[:12]}: something "
                "wrote to its parameters or buffers (was it put in train mode?); load it again"
            )


def freeze(model: nn.Module) -> TorchInfNet:
    """Freeze a torch classifier in place and take its digest.

    Args:
        model: any module that maps ``(n, *shape)`` float32 to logits ``(n, classes)``.

    Raises:
        SpecError: something else than a torch module.
    """
    if not isinstance(model, nn.Module):
        raise SpecError(
            f"expected a torch.nn.Module, got {type(model).__name__}: load the model into torch"
        )
    model.eval()
    model.requires_grad_(False)
    return TorchInfNet(model, digest(model))


def digest(module: nn.Module) -> str:
    """SHA-256 over names, dtypes, shapes and bytes of all parameters *and buffers*."""
    total = hashlib.sha256()
    for name, tensor in sorted(chain(module.named_parameters(), module.named_buffers())):
        values = tensor.detach().cpu().contiguous()
        total.update(f"{name} {values.dtype} {tuple(values.shape)}\n".encode())
        total.update(values.reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()
