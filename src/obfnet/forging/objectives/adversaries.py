"""Adversaries that learn beside the encoders: K small nets, one for each, and their reversal."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

#: Widths of an adversary's hidden layers.
HIDDEN = (128, 128)


class Adversaries(nn.Module):
    """K MLPs as one batched computation; net j's never sees another net's code.

    They answer to a standardised code, so that an encoder gains nothing by scaling it. Their
    *parameters* receive the reversed gradient (Ganin and Lempitsky 2015): minimising one value
    makes the encoder lower it and its adversary raise it.

    Args:
        inputs: k, length of a code.
        outputs: how many values each answers with.
        seeds: one for each net; its initial weights depend on nothing else.
    """

    def __init__(self, inputs: int, outputs: int, seeds: Sequence[int]) -> None:
        super().__init__()
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self.weights = nn.ParameterList()
        self.biases = nn.ParameterList()
        for before, after in itertools.pairwise((inputs, *HIDDEN, outputs)):
            # The bounds of nn.Linear.
            self.weights.append(_uniform((before, after), 1 / math.sqrt(before), generators))
            self.biases.append(_uniform((1, after), 1 / math.sqrt(before), generators))

    def forward(self, released: Tensor) -> Tensor:
        """Answers ``(K, n, outputs)`` to codes ``(K, n, k)``."""
        value = standardised(released)
        last = len(self.weights) - 1
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            value = torch.baddbmm(reversed_gradient(bias), value, reversed_gradient(weight))
            if layer < last:
                value = value.relu()
        return value


def advantage(loss: Tensor, blind: Tensor) -> Tensor:
    """How much better than blind an adversary does, in (-1, 1]: (blind - loss)/(blind + loss).

    1 is an adversary who knows everything, 0 one who does as well without the code. It is
    bounded so that a weight has a meaning, and so that an encoder gains next to nothing by
    driving an adversary further into error than blindness.

    Args:
        loss: the adversaries' ``(K,)``, from 0 up.
        blind: the least loss of a constant answer on the same batch, from 0 up.
    """
    return (blind - loss) / (blind + loss + 1e-12)


def standardised(code: Tensor) -> Tensor:
    """Codes ``(K, n, k)`` with mean 0 and, where they vary, deviation 1 over n, for each net."""
    variance = code.var(1, correction=0, keepdim=True)
    # A value that hardly moves must not become the loudest, nor its gradient.
    typical = variance.mean(2, keepdim=True)
    scaled: Tensor = (code - code.mean(1, keepdim=True)) * (
        variance + 0.01 * typical + 1e-8
    ).rsqrt()
    return scaled


def reversed_gradient(tensor: Tensor) -> Tensor:
    """The same values; their gradient is turned round on its way back."""
    same: Tensor = _Reversal.apply(tensor)  # type: ignore[no-untyped-call]
    return same


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(_context: Any, tensor: Tensor) -> Tensor:  # noqa: ANN401
        return tensor.view_as(tensor)

    @staticmethod
    def backward(_context: Any, *gradients: Tensor) -> Tensor:  # noqa: ANN401
        return -gradients[0]


def _uniform(
    shape: tuple[int, int], bound: float, generators: Sequence[torch.Generator]
) -> nn.Parameter:
    drawn = [torch.rand(shape, generator=generator) for generator in generators]
    return nn.Parameter((torch.stack(drawn) * 2 - 1) * bound)
