"""What the convolutional encoders are made of: torch's own layers, and where they halve."""

from __future__ import annotations

import math

from torch import nn

Pair = tuple[int, int]


def convolution(
    inputs: int,
    outputs: int,
    *,
    kernel: Pair,
    stride: Pair = (1, 1),
    padding: Pair | None = None,
    groups: int = 1,
) -> nn.Module:
    """Convolution, batch normalisation, ReLU; by default padded to keep the size."""
    padding = (kernel[0] // 2, kernel[1] // 2) if padding is None else padding
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


def separable(inputs: int, outputs: int, *, kernel: Pair, stride: Pair) -> list[nn.Module]:
    """A depthwise convolution, which may halve, and a pointwise one."""
    return [
        convolution(inputs, inputs, kernel=kernel, stride=stride, groups=inputs),
        convolution(inputs, outputs, kernel=(1, 1)),
    ]


def halvings(side: int, last: int) -> int:
    """How often ``side`` is halved, rounding up, until it is at most ``last``."""
    return max(0, math.ceil(math.log2(side / last)))
