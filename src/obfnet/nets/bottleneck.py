"""The published ObfNet's two halves, split where a mechanism goes, and what samples it takes."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from torch import nn

from obfnet.errors import SpecError


class Bottleneck(NamedTuple):
    """An encoder ``(n, *shape) -> (n, width)`` and a decoder ``(n, width) -> (n, *shape)``."""

    encoder: nn.Module
    decoder: nn.Module


def dense_decoder(shape: tuple[int, ...], width: int) -> nn.Module:
    """From ``(n, width)`` to ``(n, *shape)``, in one layer and with nothing below 0."""
    return nn.Sequential(nn.Linear(width, prod(shape)), nn.ReLU(), nn.Unflatten(1, shape))


def glorot(bottleneck: Bottleneck) -> Bottleneck:
    """``bottleneck`` with weights as TensorFlow's layers begin: the paper made its nets there.

    Glorot's uniform weights and biases of 0. Torch begins a narrow net's decoder with weights
    several times as large, whose gradients switch off two of eight neurons for good.
    """
    for half in bottleneck:
        for layer in half.modules():
            if isinstance(layer, nn.Linear | nn.Conv2d) and layer.bias is not None:
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)
    return bottleneck


def picture(shape: tuple[int, ...], least: tuple[int, int]) -> tuple[int, int, int]:
    """``shape`` if it is ``(channels, height, width)`` that unpadded convolutions can take.

    Raises:
        SpecError: another number of axes, or sides below ``least``.
    """
    if len(shape) != 3 or shape[1] < least[0] or shape[2] < least[1]:
        raise SpecError(
            f"expected (channels, height, width) of {least[0]}x{least[1]} or more, got {shape}: "
            "its convolutions are not padded; take one made of dense layers"
        )
    channels, height, width = shape
    return channels, height, width
