"""ONNX operators in numpy: a table from name to a maker of functions.

A maker takes the node's attributes by their ONNX names, as keyword arguments, and refuses what it
does not compute; the function it gives takes the node's inputs in order. Semantics are those of
opset 18, which the forge exports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from obfnet.edge.numpy_windows import average_pool, convolution, integer_convolution, max_pool
from obfnet.edge.onnx_file import TYPES

Array = npt.NDArray[Any]
Function = Callable[..., Array]


def _gemm(
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    transA: int = 0,  # noqa: N803  # ONNX's own spelling
    transB: int = 0,  # noqa: N803
) -> Function:
    if alpha != 1 or transA:
        raise ValueError("Gemm with alpha or transA")

    def gemm(x: Array, weight: Array, bias: Array | None = None) -> Array:
        product = x @ (weight.T if transB else weight)
        return product if bias is None else product + (bias if beta == 1 else bias * beta)

    return gemm


def _batch_norm(
    *, epsilon: float = 1e-5, momentum: float = 0.9, training_mode: int = 0
) -> Function:
    if training_mode:
        raise ValueError("BatchNormalization in training")

    def batch_norm(x: Array, scale: Array, shift: Array, mean: Array, variance: Array) -> Array:
        factor = scale / np.sqrt(variance + np.float32(epsilon))
        across = (-1,) + (1,) * (x.ndim - 2)
        return x * factor.reshape(across) + (shift - mean * factor).reshape(across)

    return batch_norm


def _reshape(*, allowzero: int = 0) -> Function:
    def reshape(x: Array, shape: Array) -> Array:
        wanted = shape.tolist()
        if not allowzero:
            wanted = [length or x.shape[axis] for axis, length in enumerate(wanted)]
        return x.reshape(wanted)

    return reshape


def _flatten(*, axis: int = 1) -> Function:
    return lambda x: x.reshape(prod(x.shape[:axis]), -1)


def _concat(*, axis: int) -> Function:
    return lambda *parts: np.concatenate(parts, axis)


def _shape(*, start: int = 0, end: int | None = None) -> Function:
    return lambda x: np.array(x.shape[start:end], np.int64)


def _clip() -> Function:
    def clip(x: Array, low: Array | None = None, high: Array | None = None) -> Array:
        raised = x if low is None else np.maximum(x, low)
        return raised if high is None else np.minimum(raised, high)

    return clip


def _resize(
    *,
    mode: str = "nearest",
    nearest_mode: str = "round_prefer_floor",
    coordinate_transformation_mode: str = "half_pixel",
    keep_aspect_ratio_policy: str = "stretch",
    antialias: int = 0,
    **about_other_modes: object,
) -> Function:
    how = mode, nearest_mode, coordinate_transformation_mode, keep_aspect_ratio_policy, antialias
    if how != ("nearest", "floor", "asymmetric", "stretch", 0):
        raise ValueError(f"Resize as {how}")

    def resize(x: Array, regions: Array | None, scales: Array | None, sizes: Array) -> Array:
        for axis, (length, wanted) in enumerate(zip(x.shape, sizes.tolist(), strict=True)):
            if wanted != length:
                x = x.take(np.arange(wanted) * length // wanted, axis)
        return x

    return resize


def _sigmoid() -> Function:
    # Half a tangent: it neither overflows nor warns for large negative values.
    return lambda x: (np.tanh(x * np.float32(0.5)) + np.float32(1)) * np.float32(0.5)


def _softmax(*, axis: int = -1) -> Function:
    def softmax(x: Array) -> Array:
        powers = np.exp(x - x.max(axis, keepdims=True))
        return np.asarray(powers / powers.sum(axis, keepdims=True))

    return softmax


def _transpose(*, perm: Sequence[int] | None = None) -> Function:
    return lambda x: x.transpose(perm)


def _cast(*, to: int, saturate: int = 1) -> Function:
    if to not in TYPES:
        raise ValueError(f"Cast to element type {to}")
    return lambda x: x.astype(TYPES[to])


def _quantize(*, axis: int = 1, block_size: int = 0, saturate: int = 1) -> Function:
    if block_size:
        raise ValueError("QuantizeLinear in blocks")

    def quantize(x: Array, scale: Array, zero: Array) -> Array:
        scale, offset = (_along(axis, x.ndim, each) for each in (scale, zero))
        limits = np.iinfo(zero.dtype)
        rounded = np.rint(x / scale) + offset
        return np.asarray(np.clip(rounded, limits.min, limits.max), zero.dtype)

    return quantize


def _dequantize(*, axis: int = 1, block_size: int = 0) -> Function:
    if block_size:
        raise ValueError("DequantizeLinear in blocks")

    def dequantize(x: Array, scale: Array, zero: Array | None = None) -> Array:
        centred = x.astype(np.int32)
        if zero is not None:
            centred = centred - _along(axis, x.ndim, zero)
        return np.asarray(centred.astype(np.float32) * _along(axis, x.ndim, scale))

    return dequantize


def _along(axis: int, rank: int, values: Array) -> Array:
    """One value for each place of ``axis``, or one for all."""
    if values.size == 1:
        return values.reshape(())
    return values.reshape([-1 if place == axis % rank else 1 for place in range(rank)])


def _dynamic_quantize() -> Function:
    def dynamic_quantize(x: Array) -> tuple[Array, Array, Array]:
        low, high = min(x.min(), np.float32(0)), max(x.max(), np.float32(0))
        scale = (high - low) / np.float32(255) or np.float32(1)
        zero = np.uint8(np.clip(np.rint(-low / scale), 0, 255))
        quantised = np.clip(np.rint(x / scale) + np.float32(zero), 0, 255).astype(np.uint8)
        return quantised, np.asarray(scale), np.asarray(zero)

    # A tuple of outputs where others have one.
    return dynamic_quantize  # type: ignore[return-value]


def _integer_matmul() -> Function:
    def matmul(x: Array, weight: Array, x_zero: Array | int = 0, w_zero: Array | int = 0) -> Array:
        # Sums of products of bytes are exact in float64.
        product = (x.astype(np.float64) - x_zero) @ (weight.astype(np.float64) - w_zero)
        return np.asarray(product, np.int32)

    return matmul


OPERATORS: Mapping[str, Callable[..., Function]] = MappingProxyType(
    {
        "Add": lambda: np.add,
        "AveragePool": average_pool,
        "BatchNormalization": _batch_norm,
        "Cast": _cast,
        "Clip": _clip,
        "Concat": _concat,
        "Constant": lambda *, value: lambda: value,
        "Conv": convolution,
        "ConvInteger": integer_convolution,
        "DequantizeLinear": _dequantize,
        "Div": lambda: np.divide,
        "DynamicQuantizeLinear": _dynamic_quantize,
        "Flatten": _flatten,
        "Gemm": _gemm,
        "Identity": lambda: lambda x: x,
        "MatMul": lambda: np.matmul,
        "MatMulInteger": _integer_matmul,
        "MaxPool": max_pool,
        "Mul": lambda: np.multiply,
        "QuantizeLinear": _quantize,
        "Relu": lambda: lambda x: np.maximum(x, x.dtype.type(0)),
        "Reshape": _reshape,
        "Resize": _resize,
        "Shape": _shape,
        "Sigmoid": _sigmoid,
        "Softmax": _softmax,
        "Sub": lambda: np.subtract,
        "Tanh": lambda: np.tanh,
        "Transpose": _transpose,
    }
)
