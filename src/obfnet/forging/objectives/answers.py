"""Terms about what the InfNet answers to x'."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from obfnet.errors import SpecError
from obfnet.forging.objectives.batch import Batch
from obfnet.forging.objectives.term import Setting


@dataclass(frozen=True)
class CrossEntropy:
    """-log P(label | x'), in nats, mean over the batch."""

    setting: Setting

    def __call__(self, batch: Batch) -> Tensor:
        """Losses ``(K,)``, from 0 up."""
        return _surprise(batch.answers, batch.labels)


@dataclass(frozen=True)
class Agreement:
    """-log P(y | x') for the class y that the InfNet takes the raw x for; needs no labels."""

    setting: Setting
    needs_teacher: ClassVar[bool] = True

    def __call__(self, batch: Batch) -> Tensor:
        """Losses ``(K,)`` in nats, from 0 up."""
        return _surprise(batch.answers, _teacher(batch).argmax(1))


class Distillation:
    """T^2 KL(I(x) || I(x')), both answers at temperature T (Hinton, Vinyals and Dean 2015).

    Args:
        setting: what it is built for.
        temperature: T; above 1 the InfNet's doubts between classes count more.

    Raises:
        SpecError: T is no number above 0.
    """

    needs_teacher = True

    def __init__(self, setting: Setting, temperature: str = "1") -> None:
        try:
            self.temperature = float(temperature)
        except ValueError:
            self.temperature = math.nan
        if not 0 < self.temperature < math.inf:
            raise SpecError(
                f"expected a temperature above 0, as in 'distillation:4', got {temperature!r}"
            )

    def __call__(self, batch: Batch) -> Tensor:
        """Losses ``(K,)`` in nats, from 0 up."""
        wanted = (_teacher(batch) / self.temperature).log_softmax(-1)
        given = (batch.answers / self.temperature).log_softmax(-1)
        weight = wanted.exp()
        # A remote InfNet may answer with a probability of exactly 0, where 0 log 0 = 0.
        terms = torch.where(weight > 0, weight * (wanted - given), 0)
        return self.temperature**2 * terms.sum(-1).mean(1)


def _surprise(answers: Tensor, labels: Tensor) -> Tensor:
    wanted = labels.expand(len(answers), -1)[:, :, None]
    return -answers.gather(2, wanted).mean((1, 2))


def _teacher(batch: Batch) -> Tensor:
    if batch.teacher is None:
        raise SpecError("this term compares with I(x), but the batch holds no `teacher`")
    return batch.teacher
