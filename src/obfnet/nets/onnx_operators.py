"""Common ONNX operators in torch: a table from name to function.

A function takes the node's inputs in order and its attributes by their ONNX names. Semantics are
those of opset 13 and later; where an older one differs, or an attribute matters that is not read
here, the parity check of ``OnnxInfNet`` notices.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

#: A number, a string, a tensor or a list of numbers.
Attribute = Any

_CONVOLUTIONS = (F.conv1d, F.conv2d, F.conv3d)
_MAX_POOLS = (F.max_pool1d, F.max_pool2d, F.max_pool3d)
_AVERAGE_POOLS = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)
_TYPES = {1: torch.float32, 6: torch.int32, 7: torch.int64, 9: torch.bool, 11: torch.float64}


def _windows(
    x: Tensor, kernel: tuple[int, ...], attributes: Mapping[str, Attribute], fill: float
) -> tuple[Tensor, list[int], list[int]]:
    """``x`` with what ``pads`` or ``auto_pad`` adds, the strides and the dilations."""
    rank = len(kernel)
    strides = list(attributes.get("strides") or [1] * rank)
    dilations = list(attributes.get("dilations") or [1] * rank)
    pads = list(attributes.get("pads") or [0] * 2 * rank)  # all beginnings, then all ends
    automatic = attributes.get("auto_pad", "NOTSET")
    if automatic.startswith("SAME"):
        for axis, length in enumerate(x.shape[2:]):
            reach = dilations[axis] * (kernel[axis] - 1) + 1
            steps = math.ceil(length / strides[axis]) - 1
            missing = max(0, steps * strides[axis] + reach - length)
            odd_end = automatic == "SAME_UPPER"
            pads[axis] = missing // 2 if odd_end else missing - missing // 2
            pads[rank + axis] = missing - pads[axis]
    if any(pads):
        x = F.pad(x, _torch_pads(pads, range(2, x.ndim), x.ndim), value=fill)
    return x, strides, dilations


def _torch_pads(amounts: list[int], axes: Sequence[int], rank: int) -> list[int]:
    """ONNX's pads of ``axes`` as torch has them: in pairs, from the last axis to the first."""
    pairs = [0] * (2 * rank)
    for place, axis in enumerate(axes):
        last = 2 * (rank - 1 - axis % rank)
        pairs[last : last + 2] = amounts[place], amounts[place + len(axes)]
    return pairs


def _conv(x: Tensor, weight: Tensor, bias: Tensor | None = None, **attributes: Attribute) -> Tensor:
    x, strides, dilations = _windows(x, tuple(weight.shape[2:]), attributes, 0.0)
    convolve = _CONVOLUTIONS[weight.ndim - 3]
    groups = attributes.get("group", 1)
    return convolve(x, weight, bias, stride=strides, dilation=dilations, groups=groups)


def _max_pool(x: Tensor, **attributes: Attribute) -> Tensor:
    kernel = tuple(attributes["kernel_shape"])
    x, strides, dilations = _windows(x, kernel, attributes, -math.inf)
    ceil = bool(attributes.get("ceil_mode", 0))
    return _MAX_POOLS[len(kernel) - 1](x, kernel, strides, 0, dilations, ceil)


def _average_pool(x: Tensor, **attributes: Attribute) -> Tensor:
    kernel = tuple(attributes["kernel_shape"])
    counted, strides, dilations = _windows(x, kernel, attributes, 0.0)
    pool = _AVERAGE_POOLS[len(kernel) - 1]
    if attributes.get("ceil_mode", 0) or set(dilations) != {1}:
        raise NotImplementedError("AveragePool with ceil_mode or dilations")
    total = pool(counted, kernel, strides)
    if counted is x or attributes.get("count_include_pad", 0):
        return total
    return total / pool(_windows(torch.ones_like(x), kernel, attributes, 0.0)[0], kernel, strides)


def _batch_norm(
    x: Tensor, scale: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, **attributes: Attribute
) -> Tensor:
    return F.batch_norm(x, mean, variance, scale, bias, eps=attributes.get("epsilon", 1e-5))


def _gemm(a: Tensor, b: Tensor, c: Tensor | None = None, **attributes: Attribute) -> Tensor:
    left = a.T if attributes.get("transA", 0) else a
    right = b.T if attributes.get("transB", 0) else b
    product: Tensor = attributes.get("alpha", 1.0) * (left @ right)
    return product if c is None else product + attributes.get("beta", 1.0) * c


def _reshape(x: Tensor, shape: Tensor, *, allowzero: int = 0) -> Tensor:
    lengths = enumerate(shape.tolist())
    return x.reshape([length or (0 if allowzero else x.shape[axis]) for axis, length in lengths])


def _pad(
    x: Tensor,
    pads: Tensor,
    value: Tensor | None = None,
    axes: Tensor | None = None,
    mode: str = "constant",
) -> Tensor:
    chosen = range(x.ndim) if axes is None else axes.tolist()
    around = _torch_pads(pads.tolist(), chosen, x.ndim)
    return F.pad(x, around, mode, 0.0 if value is None else float(value))


def _axes(given: Tensor | None, attributes: Mapping[str, Attribute]) -> list[int]:
    """Axes stand among the inputs since opset 13 or 18, before that among the attributes."""
    return list(attributes.get("axes", ())) if given is None else given.tolist()


def _reduce(
    reduction: Callable[..., Tensor],
    x: Tensor,
    given: Tensor | None = None,
    **attributes: Attribute,
) -> Tensor:
    axes = _axes(given, attributes) or list(range(x.ndim))
    return reduction(x, dim=axes, keepdim=bool(attributes.get("keepdims", 1)))


def _squeeze(x: Tensor, given: Tensor | None = None, **attributes: Attribute) -> Tensor:
    return x.squeeze(tuple(_axes(given, attributes)))


def _unsqueeze(x: Tensor, given: Tensor | None = None, **attributes: Attribute) -> Tensor:
    axes = _axes(given, attributes)
    for axis in sorted(axis % (x.ndim + len(axes)) for axis in axes):
        x = x.unsqueeze(axis)
    return x


def _slice(x: Tensor, starts: Tensor, ends: Tensor, *more: Tensor | None) -> Tensor:
    given, steps = (*more, None, None)[:2]
    axes = range(len(starts)) if given is None else given.tolist()
    strides = [1] * len(starts) if steps is None else steps.tolist()
    where = [slice(None)] * x.ndim
    for axis, *cut in zip(axes, starts.tolist(), ends.tolist(), strides, strict=True):
        where[axis] = slice(*cut)
    return x[tuple(where)]


def _gather(x: Tensor, indices: Tensor, *, axis: int = 0) -> Tensor:
    chosen = x.index_select(axis, indices.reshape(-1) % x.shape[axis])
    return chosen.reshape((*x.shape[:axis], *indices.shape, *x.shape[axis:][1:]))


def _clip(x: Tensor, low: Tensor | None = None, high: Tensor | None = None, **old: float) -> Tensor:
    least = old.get("min", -math.inf) if low is None else float(low)
    return x.clamp(least, old.get("max", math.inf) if high is None else float(high))


OPERATORS: Mapping[str, Callable[..., Tensor]] = MappingProxyType(
    {
        "Add": torch.add,
        "AveragePool": _average_pool,
        "BatchNormalization": _batch_norm,
        "Cast": lambda x, *, to, **_: x.to(_TYPES[to]),
        "Clip": _clip,
        "Concat": lambda *parts, axis: torch.cat(parts, axis),
        "Constant": lambda *, value: value,
        "Conv": _conv,
        "Div": torch.div,
        "Dropout": lambda x, *_, **__: x,
        "Flatten": lambda x, *, axis=1: x.reshape(math.prod(x.shape[:axis]), -1),
        "Gather": _gather,
        "Gemm": _gemm,
        "GlobalAveragePool": lambda x: x.mean(tuple(range(2, x.ndim)), keepdim=True),
        "HardSigmoid": lambda x, *, alpha=0.2, beta=0.5: (alpha * x + beta).clamp(0, 1),
        "HardSwish": F.hardswish,
        "Identity": lambda x: x,
        "LeakyRelu": lambda x, *, alpha=0.01: F.leaky_relu(x, alpha),
        "LogSoftmax": lambda x, *, axis=-1: x.log_softmax(axis),
        "MatMul": torch.matmul,
        "MaxPool": _max_pool,
        "Mul": torch.mul,
        "Pad": _pad,
        "ReduceMean": partial(_reduce, torch.mean),
        "ReduceSum": partial(_reduce, torch.sum),
        "Relu": torch.relu,
        "Reshape": _reshape,
        "Shape": lambda x, *, start=0, end=None: torch.tensor(x.shape[start:end]),
        "Sigmoid": torch.sigmoid,
        "Slice": _slice,
        "Softmax": lambda x, *, axis=-1: x.softmax(axis),
        "Squeeze": _squeeze,
        "Sub": torch.sub,
        "Tanh": torch.tanh,
        "Transpose": lambda x, *, perm=None: x.permute(*(perm or range(x.ndim)[::-1])),
        "Unsqueeze": _unsqueeze,
    }
)
