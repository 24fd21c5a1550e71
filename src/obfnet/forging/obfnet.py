"""An ObfNet in its three rooms: encoder, mechanism, decoder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from obfnet.forging.loop import Fit
from obfnet.mechanisms.entropy import Uniform, choice, system
from obfnet.mechanisms.mechanism import Mechanism
from obfnet.nets.cost import Cost, cost, stored_bytes
from obfnet.specs import Samples, SampleSpec


class Table(nn.Module):
    """The decoder of a codebook: an exemplar of code ``index`` from a table, no arithmetic.

    Args:
        rows: ``(K, E, *shape)``, never trained together with an encoder.
    """

    rows: Tensor

    def __init__(self, rows: Tensor) -> None:
        super().__init__()
        self.register_buffer("rows", rows)

    def forward(self, indices: Tensor, uniform: Uniform = system) -> Tensor:
        """An exemplar ``(n, *shape)`` for each integer index ``(n,)``.

        It is drawn without a look at anything but the index, or the certificate would not hold.
        """
        drawn = choice(len(indices), self.rows.shape[1], uniform)
        return self.rows[indices, torch.from_numpy(drawn)]


@dataclass(frozen=True, eq=False)
class ObfNet:
    """Turns samples x into x' of the same shape; a plain callable on numpy arrays.

    Args:
        encoder: samples ``(n, *shape)`` to code ``(n, k)``.
        mechanism: limits the code.
        decoder: released code to x' ``(n, *shape)``.
        spec: what a sample looks like.
        seed: where in the seed tree it was forged.
        seconds: wall time of forging it.
        fit: how its training went; scores are accuracies of the InfNet on x', on validation
            data.
    """

    encoder: nn.Module
    mechanism: Mechanism
    decoder: nn.Module
    spec: SampleSpec
    seed: int
    seconds: float
    fit: Fit

    def __call__(self, samples: Samples, uniform: Uniform = system, batch: int = 1024) -> Samples:
        """x' ``(n, *shape)`` of samples ``(n, *shape)``, through the exact mechanism.

        Args:
            samples: float32 ``(n, *shape)``.
            uniform: randomness of mechanism and table; the system's, as on a device.
            batch: how many at once.
        """
        self.encoder.eval()
        self.decoder.eval()
        table = isinstance(self.decoder, Table)
        decode = partial(self.decoder, uniform=uniform) if table else self.decoder
        parts = []
        with torch.inference_mode():
            for start in range(0, len(samples), batch):
                code = self.encoder(torch.tensor(samples[start : start + batch])).numpy()
                released = torch.from_numpy(self.mechanism.release(code, uniform))
                parts.append(decode(released).numpy())
        return np.concatenate(parts) if parts else np.zeros_like(samples)

    @property
    def validation_accuracy(self) -> float:
        """Accuracy of the InfNet on x', on validation data."""
        return self.fit.score

    @property
    def cost(self) -> Cost:
        """Of encoder and decoder for one sample; a table costs its bytes, and no arithmetic."""
        encoder = cost(self.encoder, self.spec.shape)
        if isinstance(self.decoder, Table):
            return encoder + Cost(0, 0, stored_bytes(self.decoder))
        with torch.inference_mode():
            code = self.encoder.eval()(torch.zeros(1, *self.spec.shape)).numpy()
        return encoder + cost(self.decoder, self.mechanism.release(code).shape[1:])

    @property
    def name(self) -> str:
        """A short name for tables: the mechanism with the length of its code."""
        width = self.mechanism.width
        return self.mechanism.name if width is None else f"{self.mechanism.name}-{width}"
