"""Adversaries that reconstruct x from the released code."""

from __future__ import annotations

import math

from torch import Tensor, nn

from obfnet.forging.objectives.adversaries import Adversaries, advantage
from obfnet.forging.objectives.batch import Batch
from obfnet.forging.objectives.term import Setting
from obfnet.seeds import branch


class AdversarialDecoder(nn.Module):
    """How much better than the batch's mean sample a decoder of the code does, by squared error.

    Args:
        setting: what it is built for.
    """

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        seeds = [branch(seed, "adversarial-decoder") for seed in setting.seeds]
        self.decoders = Adversaries(setting.released_width, math.prod(setting.shape), seeds)

    def forward(self, batch: Batch) -> Tensor:
        """``advantage`` of the decoders ``(K,)``: 1 where x is recovered, 0 where nothing is."""
        away = batch.samples.flatten(1)
        away = away - away.mean(0)
        # In units of the samples' deviation: adversaries learn as fast for pixels as for MFCC.
        away = away / away.square().mean().sqrt().clamp(min=1e-12)
        error = (self.decoders(batch.released) - away).square().mean((1, 2))
        return advantage(error, away.square().mean())
