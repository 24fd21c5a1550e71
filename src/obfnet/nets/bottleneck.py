"""The published ObfNet's two halves, split where a mechanism goes."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn


class Bottleneck(NamedTuple):
    """An encoder ``(n, *shape) -> (n, width)`` and a decoder ``(n, width) -> (n, *shape)``."""

    encoder: nn.Module
    decoder: nn.Module
