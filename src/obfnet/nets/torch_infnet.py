"""A torch module as an InfNet, held to what it was by a digest of parameters and buffers."""

from __future__ import annotations

import hashlib
from itertools import chain

import torch
from torch import Tensor, nn

from obfnet.errors import InfNetChangedError, SpecError
from obfnet.nets.answers import Reading
from obfnet.nets.infnet import InfNet, Scores, in_batches
from obfnet.specs import Samples


class TorchInfNet(InfNet):
    """A frozen torch module.

    Args:
        module: maps samples ``(n, *shape)`` to answers about n samples; in eval mode, no
            parameter asks for gradients (gradients to the *samples* still flow).
        digest: hash of all parameters and buffers at the moment of freezing.
        reading: how its answers are read.
    """

    def __init__(self, module: nn.Module, digest: str, reading: Reading | None = None) -> None:
        self.module = module
        self.digest = digest
        self.reading = reading or Reading()
        self.differentiable = self.reading.answers != "labels"
        self._training = [layer.training for layer in module.modules()]

    def logits(self, samples: Tensor) -> Tensor:
        """Logits ``(n, classes)`` of samples ``(n, *shape)``, differentiable in the samples.

        Raises:
            SpecError: the module is no classifier, answers otherwise than it was said to, or
                answers with labels, which have no gradients.
        """
        return self._logits(samples) if self.differentiable else super().logits(samples)

    def log_probabilities(self, samples: Samples, batch: int = 512) -> Scores:
        """Log-softmax of the logits.

        Raises:
            SpecError: the module is no classifier, or answers otherwise than it was said to.
        """
        return in_batches(lambda part: self._logits(torch.tensor(part)), samples, batch)

    def verify(self) -> None:
        """Check that parameters and buffers are what they were, and that none is about to move.

        Raises:
            InfNetChangedError: one differs, or a layer was put in train mode: then a BatchNorm's
                running statistics move even with gradients off, and a Dropout answers at random.
        """
        modes = zip(self.module.modules(), self._training, strict=False)
        moved = sum(layer.training and not before for layer, before in modes)
        if moved:
            raise InfNetChangedError(
                f"{moved} layers of the InfNet were put in train mode after it was frozen, "
                "expected eval mode: load it again, and leave it there"
            )
        found = digest(self.module)
        if found != self.digest:
            raise InfNetChangedError(
                f"the InfNet's digest is {found[:12]}, expected {self.digest[:12]}: something "
                "wrote to its parameters or buffers (was it put in train mode?); load it again"
            )

    def _logits(self, samples: Tensor) -> Tensor:
        answers: object = self.module(samples)
        if not isinstance(answers, Tensor):
            raise SpecError(
                f"the InfNet answers with a {type(answers).__name__}, expected a tensor: wrap the "
                "module in one that picks the scores out"
            )
        misfit = self.reading.misfit(tuple(answers.shape), len(samples))
        if misfit:
            raise SpecError(misfit)
        return self.reading.logits(answers)


def freeze_module(module: nn.Module, reading: Reading | None = None) -> TorchInfNet:
    """Put ``module`` in eval mode, stop its parameters' gradients and take its digest."""
    module.eval()
    module.requires_grad_(False)
    return TorchInfNet(module, digest(module), reading)


def digest(module: nn.Module) -> str:
    """SHA-256 over names, dtypes, shapes and bytes of all parameters *and buffers*."""
    total = hashlib.sha256()
    for name, tensor in sorted(chain(module.named_parameters(), module.named_buffers())):
        values = tensor.detach().cpu().contiguous()
        total.update(f"{name} {values.dtype} {tuple(values.shape)}\n".encode())
        total.update(values.reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()
