"""Adversaries that infer a private attribute from the released code."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from obfnet.errors import SpecError
from obfnet.forging.objectives.adversaries import Adversaries, advantage
from obfnet.forging.objectives.batch import Batch
from obfnet.forging.objectives.term import Setting
from obfnet.seeds import branch


class Attribute(nn.Module):
    """How much better than its frequencies a classifier of the code tells an attribute.

    Args:
        setting: what it is built for.
        name: of the private attribute.

    Raises:
        SpecError: the data has no such attribute, or it has one value only.
    """

    def __init__(self, setting: Setting, name: str) -> None:
        super().__init__()
        values = setting.values_of(name)
        if values < 2:
            raise SpecError(f"attribute {name!r} has {values} value, so nothing can be hidden")
        self.needs_attributes = (name,)
        self._values = values
        seeds = [branch(seed, "attribute", name) for seed in setting.seeds]
        self.classifiers = Adversaries(setting.released_width, values, seeds)

    def forward(self, batch: Batch) -> Tensor:
        """``advantage`` of the classifiers ``(K,)``, by cross-entropy."""
        (name,) = self.needs_attributes
        truth = batch.attributes[name]
        told = self.classifiers(batch.released).log_softmax(-1)
        surprise = -told.gather(2, truth.expand(len(told), -1)[:, :, None]).mean((1, 2))
        shares = torch.bincount(truth, minlength=self._values) / len(truth)
        return advantage(surprise, torch.special.entr(shares).sum())
