"""From a float32 ONNX encoder and real samples to the same encoder in integers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

from obfnet.bundling.integer_net import STEPS, IntegerNet, Integers, Layer, Pool, Product
from obfnet.errors import ExportError
from obfnet.specs import Samples, SampleSpec

#: A factor has 15 bits, so a sum of 31 times a factor fits into 64 with room for rounding.
_FACTOR_BITS, _MOST_SHIFT = 15, 62
_MOST_WEIGHT = 127
_MOST_SUM = 2**31 - 1
#: What the greatest score becomes: fine enough to compare, far from the end of 32 bits.
_SCORE = 2**14


@dataclass(frozen=True)
class _Values:
    """What a byte of an activation stands for: ``offset + scale * byte``."""

    scale: float
    offset: float
    shape: tuple[int, int, int]

    @property
    def zero(self) -> int:
        """The byte that is closest to 0."""
        return int(np.clip(np.rint(-self.offset / self.scale), 0, STEPS))


def integer_net(content: bytes, spec: SampleSpec, calibration: Samples) -> IntegerNet:
    """The encoder in integers; how well it does is for a gate to judge.

    Args:
        content: float32 ONNX of an encoder made of convolutions, dense layers, ReLU and pooling.
        spec: of a sample.
        calibration: real samples that the ranges of activations are taken from.

    Raises:
        ExportError: an operator that is not computed here, or sums beyond 32 bits.
    """
    graph = onnx.load_from_string(content).graph
    constants = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    ranges = _ranges(content, calibration)
    followed = {node.input[0]: node for node in graph.node}
    values = _Values((spec.high - spec.low) / STEPS, spec.low, _three_axes(spec.shape))
    name, layers = graph.input[0].name, list[Layer]()
    while name in followed:
        node = followed[name]
        name = node.output[0]
        if node.op_type in _SHAPES or node.op_type == "Relu":
            continue  # a ReLU is part of the range of the layer before it
        if node.op_type not in _LAYERS:
            raise ExportError(
                f"integers know no {node.op_type}, expected one of "
                f"{', '.join((*_LAYERS, *_SHAPES, 'Relu'))}: bring another encoder"
            )
        attributes = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
        if not constants.keys() >= set(node.input[1:]):
            raise ExportError(f"the weights of a {node.op_type} are no constants")
        given = [constants[each] for each in node.input[1:]]
        after = followed.get(name)
        end = after.output[0] if after is not None and after.op_type == "Relu" else name
        layer, values = _LAYERS[node.op_type](values, ranges[end], attributes, *given)
        layers.append(layer)
    if name != graph.output[0].name or not layers or not isinstance(layers[-1], Product):
        raise ExportError("expected an encoder that is one chain and ends in a dense layer")
    layers[-1] = _scores(layers[-1], values, ranges[name])
    _check_sums(layers)
    return IntegerNet(tuple(layers), spec)


def _ranges(content: bytes, samples: Samples) -> dict[str, tuple[float, float]]:
    """The least and greatest value of each activation."""
    model = onnx.load_from_string(content)
    names = [node.output[0] for node in model.graph.node]
    del model.graph.output[:]
    for name in names:
        model.graph.output.append(
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        )
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found = session.run(names, {"input": samples})
    return {
        name: (float(each.min()), float(each.max()))
        for name, each in zip(names, found, strict=True)
    }


Built = tuple[Layer, _Values]


def _convolution(
    values: _Values,
    span: tuple[float, float],
    attributes: Mapping[str, Any],
    weights: Samples,
    bias: Samples | None = None,
) -> Built:
    if weights.ndim != 4 or set(attributes.get("dilations", [1])) != {1}:
        raise ExportError("integers know convolutions over two axes without dilation only")
    strides, pads = attributes.get("strides", [1, 1]), attributes.get("pads", [0] * 4)
    return _product(values, span, weights, bias, tuple(strides), tuple(pads))


def _dense(
    values: _Values,
    span: tuple[float, float],
    attributes: Mapping[str, Any],
    weights: Samples,
    bias: Samples | None = None,
) -> Built:
    turned = weights if attributes.get("transB") else weights.T
    if turned.shape[1] != prod(values.shape):
        raise ExportError(
            f"a dense layer takes {turned.shape[1]} values, the layer before gives {values.shape}"
        )
    whole = turned.reshape(len(turned), *values.shape)
    return _product(values, span, whole, bias, (1, 1), (0,) * 4)


def _pool(average: bool) -> Callable[..., Built]:
    def pool(values: _Values, span: tuple[float, float], attributes: Mapping[str, Any]) -> Built:
        if any(attributes.get("pads", [])) or attributes.get("ceil_mode"):
            raise ExportError("integers know pooling without padding only")
        kernel, strides = attributes["kernel_shape"], attributes.get("strides", [1, 1])
        made = Pool(average, values.shape, tuple(kernel), tuple(strides))
        return made, replace(values, shape=made.result)

    return pool


_LAYERS: Mapping[str, Callable[..., Built]] = {
    "Conv": _convolution,
    "Gemm": _dense,
    "AveragePool": _pool(True),
    "MaxPool": _pool(False),
}
#: Operators that leave values in their order.
_SHAPES = ("Reshape", "Flatten", "Identity")


def _product(
    values: _Values,
    span: tuple[float, float],
    weights: Samples,
    bias: Samples | None,
    strides: tuple[int, ...],
    pads: tuple[int, ...],
) -> Built:
    """A layer whose output's range is ``span``, and what its bytes stand for."""
    flat = weights.reshape(len(weights), -1).astype(np.float64)
    shift = np.zeros(len(flat)) if bias is None else bias.astype(np.float64)
    low = min(span[0], 0.0)  # 0 is always in the range: a ReLU ends there
    after = _Values(max((span[1] - low) / STEPS, 1e-12), low, (0, 0, 0))
    # What every output is without its inputs' bytes, on the scale of the output.
    constant = shift + values.offset * flat.sum(1) - low
    scales = np.maximum(np.abs(flat).max(1) / _MOST_WEIGHT, 1e-12)
    # A channel of nearly no weight must not have a bias beyond 30 bits.
    scales = np.maximum(scales, np.abs(constant) / (values.scale * 2.0**30))
    whole = np.rint(flat / scales[:, None]).astype(np.int8)
    unit = values.scale * scales
    added = np.rint(constant / unit).astype(np.int64)
    factors, shifts = _factors(unit / after.scale)
    made = Product(
        whole.reshape(weights.shape),
        added.astype(np.int32),
        factors,
        shifts,
        values.shape,
        (strides[0], strides[1]),
        (pads[0], pads[1], pads[2], pads[3]),
        values.zero,
    )
    return made, replace(after, shape=made.result)


def _scores(last: Product, values: _Values, span: tuple[float, float]) -> Product:
    """The last layer, whose outputs are compared and not clipped: on a finer scale."""
    finer = max(abs(span[0]), abs(span[1]), 1e-12) / _SCORE
    factors, shifts = last.factors.astype(np.float64), last.shifts.astype(np.float64)
    units = factors * 2.0**-shifts * values.scale
    # The bias holds -offset, the same for every output: comparing does not see it.
    factors, shifts = _factors(units / finer)
    return replace(last, factors=factors, shifts=shifts)


def _check_sums(layers: Sequence[Layer]) -> None:
    """Whatever the input is, no sum leaves 32 bits, as it is or scaled."""
    for layer in layers:
        if isinstance(layer, Product):
            weights = np.abs(layer.weights.astype(np.float64)).reshape(len(layer.weights), -1)
            sums = weights.sum(1) * STEPS + np.abs(layer.bias.astype(np.float64))
            scaled = sums * layer.factors * 2.0 ** -layer.shifts.astype(np.float64)
            if max(sums.max(), scaled.max()) >= _MOST_SUM:
                raise ExportError(
                    f"sums over {weights.shape[1]} weights do not fit into 32 bits: bring an "
                    "encoder of smaller layers"
                )


def _factors(ratios: np.ndarray[Any, np.dtype[np.float64]]) -> tuple[Integers, Integers]:
    """Factors of 15 bits and shifts that multiply by ``ratios``, which are above 0."""
    exponents = np.frexp(ratios)[1]
    shifts = _FACTOR_BITS - exponents
    if shifts.min() < 1:
        raise ExportError("a layer makes its input more than 16,000 times larger")
    shifts = np.minimum(shifts, _MOST_SHIFT - _FACTOR_BITS)
    factors = np.minimum(np.rint(np.ldexp(ratios, shifts)), 2**_FACTOR_BITS - 1)
    return factors.astype(np.uint16), shifts.astype(np.uint8)


def _three_axes(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """A sample's shape as channels, height and width; other samples lie in one row."""
    return shape if len(shape) == 3 else (prod(shape), 1, 1)
