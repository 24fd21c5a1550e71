"""Convolutions and pooling in numpy: windows as a view, then one matrix product or reduction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

Array = npt.NDArray[Any]
Function = Callable[..., Array]

_PLAIN = (1, 1)
_NONE = (0, 0, 0, 0)


def convolution(
    *,
    kernel_shape: Sequence[int] | None = None,
    strides: Sequence[int] = _PLAIN,
    pads: Sequence[int] = _NONE,
    dilations: Sequence[int] = _PLAIN,
    group: int = 1,
    auto_pad: str = "NOTSET",
) -> Function:
    """ONNX's Conv over two axes, grouped ones included."""
    _check(strides, pads, dilations, auto_pad)

    def convolve(x: Array, weight: Array, bias: Array | None = None) -> Array:
        products = _products(x, weight, strides, pads, group)
        return products if bias is None else products + bias[:, None, None]

    return convolve


def integer_convolution(
    *,
    kernel_shape: Sequence[int] | None = None,
    strides: Sequence[int] = _PLAIN,
    pads: Sequence[int] = _NONE,
    dilations: Sequence[int] = _PLAIN,
    group: int = 1,
    auto_pad: str = "NOTSET",
) -> Function:
    """ONNX's ConvInteger: bytes in, sums of their products out."""
    _check(strides, pads, dilations, auto_pad)

    def convolve(
        x: Array, weight: Array, x_zero: Array | None = None, w_zero: Array | None = None
    ) -> Array:
        # Centred on zero, so padding adds nothing; float64 holds sums of products exactly.
        centred = x.astype(np.float64) - (0 if x_zero is None else x_zero)
        offset = 0 if w_zero is None else w_zero.reshape(-1, 1, 1, 1)
        return _products(centred, weight.astype(np.float64) - offset, strides, pads, group).astype(
            np.int32
        )

    return convolve


def average_pool(
    *,
    kernel_shape: Sequence[int],
    strides: Sequence[int] = _PLAIN,
    pads: Sequence[int] = _NONE,
    dilations: Sequence[int] = _PLAIN,
    ceil_mode: int = 0,
    count_include_pad: int = 0,
    auto_pad: str = "NOTSET",
) -> Function:
    """ONNX's AveragePool over two axes, without padding."""
    if any(pads):
        raise ValueError("AveragePool with padding")
    _check(strides, pads, dilations, auto_pad, ceil_mode)
    return lambda x: windows(x, kernel_shape, strides).mean((2, 3))


def max_pool(
    *,
    kernel_shape: Sequence[int],
    strides: Sequence[int] = _PLAIN,
    pads: Sequence[int] = _NONE,
    dilations: Sequence[int] = _PLAIN,
    ceil_mode: int = 0,
    storage_order: int = 0,
    auto_pad: str = "NOTSET",
) -> Function:
    """ONNX's MaxPool over two axes, without padding."""
    if any(pads):
        raise ValueError("MaxPool with padding")
    _check(strides, pads, dilations, auto_pad, ceil_mode)
    return lambda x: windows(x, kernel_shape, strides).max((2, 3))


def windows(x: Array, kernel: Sequence[int], strides: Sequence[int]) -> Array:
    """A view ``(n, channels, *kernel, rows, columns)`` of all windows of ``x``.

    Args:
        x: ``(n, channels, height, width)``.
        kernel: height and width of a window, at most those of ``x``.
        strides: steps from one window to the next.

    Raises:
        ValueError: a window does not fit.
    """
    count, channels, *sides = x.shape
    free = [side - length for side, length in zip(sides, kernel, strict=True)]
    if min(free) < 0:
        raise ValueError(f"windows of {tuple(kernel)} do not fit into {tuple(sides)}")
    rows, columns = (left // step + 1 for left, step in zip(free, strides, strict=True))
    outer, channel, down, right = x.strides
    return as_strided(
        x,
        (count, channels, *kernel, rows, columns),
        (outer, channel, down, right, down * strides[0], right * strides[1]),
        writeable=False,
    )


def _products(
    x: Array, weight: Array, strides: Sequence[int], pads: Sequence[int], group: int
) -> Array:
    """The convolution of ``x`` with ``weight``, one matrix product for each group."""
    top, left, bottom, right = pads
    count, channels, height, width = x.shape
    if any(pads):
        padded = np.zeros((count, channels, height + top + bottom, width + left + right), x.dtype)
        padded[:, :, top : top + height, left : left + width] = x
        x = padded
    outputs, depth, *kernel = weight.shape
    seen = windows(x, kernel, strides)
    if channels != group * depth or outputs % group:
        raise ValueError(f"{channels} channels in {group} groups, weights are for {depth} in each")
    rows, columns = seen.shape[-2:]
    taken = seen.reshape(count, group, depth * kernel[0] * kernel[1], rows * columns)
    made: Array = np.matmul(weight.reshape(group, outputs // group, -1), taken)
    return made.reshape(count, outputs, rows, columns)


def _check(
    strides: Sequence[int],
    pads: Sequence[int],
    dilations: Sequence[int],
    auto_pad: str,
    ceil_mode: int = 0,
) -> None:
    two_axes = len(strides) == len(dilations) == 2 and len(pads) == 4
    if not two_axes or min(strides) < 1 or min(pads) < 0:
        raise ValueError(f"windows with strides {strides} and pads {pads}, expected two axes")
    if max(dilations) > 1 or auto_pad != "NOTSET" or ceil_mode:
        raise ValueError(f"windows with {dilations=}, {auto_pad=}, {ceil_mode=}")
