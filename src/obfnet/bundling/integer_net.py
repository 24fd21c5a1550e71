"""An encoder in integers only, as a microcontroller runs it: bytes, int8 weights, int32 sums.

What this computes the exported C computes, bit for bit: both multiply by a factor of 15 bits and
shift, and round halves away from zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from obfnet.specs import Labels, Samples, SampleSpec

Pair = tuple[int, int]
Integers = npt.NDArray[Any]
#: Steps of a byte over the range of a sample.
STEPS = 255
#: Samples at once.
BATCH = 256


@dataclass(frozen=True, eq=False)
class Product:
    """A convolution, or a dense layer as one whose kernel is its whole input.

    Args:
        weights: int8 ``(outputs, channels in a group, *kernel)``.
        bias: int32 ``(outputs,)``; zero points are part of it.
        factors: uint16 ``(outputs,)``, of the sum.
        shifts: uint8 ``(outputs,)``, 1 or more: bits the product loses.
        shape: of the input, ``(channels, height, width)``.
        strides: down and right.
        pads: top, left, bottom, right.
        padding: the byte that stands for 0 in the input.
    """

    weights: Integers
    bias: Integers
    factors: Integers
    shifts: Integers
    shape: tuple[int, int, int]
    strides: Pair
    pads: tuple[int, int, int, int]
    padding: int

    @property
    def result(self) -> tuple[int, int, int]:
        """Shape of the output."""
        outputs, _, *kernel = self.weights.shape
        top, left, bottom, right = self.pads
        sides = self.shape[1] + top + bottom, self.shape[2] + left + right
        rows, columns = _places(sides, (kernel[0], kernel[1]), self.strides)
        return outputs, rows, columns

    def scaled(self, values: Tensor) -> Tensor:
        """Sums in units of the output, int64 ``(n, outputs, rows, columns)``."""
        top, left, bottom, right = self.pads
        padded = F.pad(values.double(), (left, right, top, bottom), value=float(self.padding))
        groups = self.shape[0] // self.weights.shape[1]
        weights = torch.from_numpy(self.weights.astype(np.float64))
        # Sums of products of bytes are exact in float64.
        sums = F.conv2d(padded, weights, stride=self.strides, groups=groups).long()
        bias, factors, shifts = (
            torch.from_numpy(each.astype(np.int64)).reshape(-1, 1, 1)
            for each in (self.bias, self.factors, self.shifts)
        )
        products = (sums + bias) * factors
        half = torch.ones_like(shifts) << (shifts - 1)
        return ((products.abs() + half) >> shifts) * products.sign()

    def __call__(self, values: Tensor) -> Tensor:
        """Bytes ``(n, *result)`` of bytes ``(n, *shape)``, as int64."""
        return self.scaled(values).clamp(0, STEPS)


@dataclass(frozen=True)
class Pool:
    """The average or the greatest of each window.

    Args:
        average: or the greatest.
        shape: of the input, ``(channels, height, width)``.
        kernel: of the window.
        strides: down and right.
    """

    average: bool
    shape: tuple[int, int, int]
    kernel: Pair
    strides: Pair

    @property
    def result(self) -> tuple[int, int, int]:
        """Shape of the output."""
        return self.shape[0], *_places(self.shape[1:], self.kernel, self.strides)

    def __call__(self, values: Tensor) -> Tensor:
        """Bytes ``(n, *result)`` of bytes ``(n, *shape)``, as int64."""
        if not self.average:
            return F.max_pool2d(values.double(), self.kernel, self.strides).long()
        cells = self.kernel[0] * self.kernel[1]
        sums = F.avg_pool2d(values.double(), self.kernel, self.strides, divisor_override=1)
        return (sums.round().long() + cells // 2) // cells


Layer = Product | Pool


@dataclass(frozen=True, eq=False)
class IntegerNet:
    """Layers in a row; the last is a dense one whose greatest output is the code.

    Args:
        layers: each takes what the one before gives.
        spec: of a sample; a byte's steps are spread over its range.
    """

    layers: tuple[Layer, ...]
    spec: SampleSpec

    def codes(self, samples: Samples) -> Labels:
        """The code of each sample ``(n, *shape)``, ``(n,)``."""
        parts = [
            self._codes(samples[start : start + BATCH]) for start in range(0, len(samples), BATCH)
        ]
        return np.concatenate(parts) if parts else np.zeros(0, np.int64)

    def _codes(self, samples: Samples) -> Labels:
        # In float32, as the device computes it.
        low, high = np.float32(self.spec.low), np.float32(self.spec.high)
        steps = np.float32(STEPS / (high - low))
        values = torch.from_numpy(((samples - low) * steps + np.float32(0.5)).astype(np.int64))
        *layers, last = self.layers
        assert isinstance(last, Product)
        for layer in layers:
            values = layer(values.reshape(-1, *layer.shape))
        scores = last.scaled(values.reshape(-1, *last.shape))
        # The first of equal ones, as on the device.
        codes: Labels = scores.flatten(1).numpy().argmax(1)
        return codes


def _places(sides: Sequence[int], kernel: Pair, strides: Pair) -> Pair:
    rows, columns = (
        (side - length) // step + 1
        for side, length, step in zip(sides, kernel, strides, strict=True)
    )
    return rows, columns
