"""ONNX with int8 weights: with activations in float32, or in int8 as well.

Weights keep to seven bits of their eight. On x86 without VNNI onnxruntime adds two products of a
byte and a weight in 16 bits, and saturates where both are large; on the forge's machine all may be
well and on the device wrong (see docs/decisions/0014).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)

from obfnet.bundling.onnx_slim import slim
from obfnet.bundling.quiet import quiet
from obfnet.errors import ExportError
from obfnet.specs import Samples

#: Samples in a batch of calibration.
BATCH = 32
#: Operators that multiply by weights, in a graph that is quantised.
_PRODUCTS = ("Conv", "ConvInteger", "ConvTranspose", "Gemm", "MatMul", "MatMulInteger")
_FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE)


def dynamic_int8(content: bytes) -> bytes:
    """``content`` with int8 weights; activations are scaled batch by batch when it runs.

    So the answer to a sample depends a little on the others in its batch.

    Raises:
        ExportError: a weight did not become int8.
    """
    with tempfile.TemporaryDirectory() as folder, quiet():
        path = Path(folder) / "quantised.onnx"
        quantize_dynamic(
            onnx.load_from_string(content),
            path,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
        )
        model = slim(onnx.load(path))
    _check_weights(model)
    made: bytes = model.SerializeToString()
    return made


def full_int8(content: bytes, calibration: Samples) -> bytes:
    """``content`` with int8 weights, one scale for each channel, and int8 activations.

    Args:
        content: float32 ONNX with one input.
        calibration: real inputs ``(n, *shape)`` that the ranges of activations are taken from.

    Raises:
        ExportError: a weight or an activation did not become int8.
    """
    with tempfile.TemporaryDirectory() as folder, quiet():
        path = Path(folder) / "quantised.onnx"
        quantize_static(
            onnx.load_from_string(content),
            path,
            _Batches(calibration),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
        )
        model = slim(onnx.load(path))
    _leave_out_zeros(model.graph)
    _compute_bias_scales(model.graph)
    _leave_out_unused(model.graph)
    _check_weights(model)
    _check_activations(model)
    made: bytes = model.SerializeToString()
    return made


class _Batches(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    def __init__(self, samples: Samples) -> None:
        self._batches: Iterator[dict[str, Samples]] = iter(
            [{"input": samples[start : start + BATCH]} for start in range(0, len(samples), BATCH)]
        )

    def get_next(self) -> dict[str, Samples] | None:
        return next(self._batches, None)


def _leave_out_zeros(graph: onnx.GraphProto) -> None:
    """Weights and biases are centred on 0, which a convolution needs not be told for each channel.

    A dense layer is: without it onnxruntime makes its weights float32 again for each sample.
    """
    convolved = {name for node in graph.node if node.op_type == "Conv" for name in node.input}
    constants = {each.name: each for each in graph.initializer}
    for node in graph.node:
        if (
            node.op_type == "DequantizeLinear"
            and len(node.input) == 3
            and node.output[0] in convolved
            and {*node.input[::2]} <= constants.keys()
        ):
            zeros = constants[node.input[2]]
            if not numpy_helper.to_array(zeros).any():
                del node.input[2]


def _compute_bias_scales(graph: onnx.GraphProto) -> None:
    """A bias is worth input times weight: what a runtime works out once need not be stored."""
    constants = {each.name: each for each in graph.initializer}
    makers = {name: node for node in graph.node for name in node.output}
    products = []
    for node in graph.node:
        given = [makers.get(name) for name in node.input[:3]]
        if node.op_type not in _PRODUCTS or len(given) < 3:
            continue
        scales = [each.input[1] for each in given if each is not None]
        if len(scales) == 3 and constants.keys() >= set(scales):
            values, weights, bias = (numpy_helper.to_array(constants[name]) for name in scales)
            if bias.size > 1 and np.array_equal(values * weights, bias):
                products.append(onnx.helper.make_node("Mul", scales[:2], [f"{scales[2]}m"]))
                assert given[2] is not None
                given[2].input[1] = f"{scales[2]}m"
    for product in products:
        graph.node.insert(0, product)


def _leave_out_unused(graph: onnx.GraphProto) -> None:
    used = {name for node in graph.node for name in node.input}
    kept = [each for each in graph.initializer if each.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _check_weights(model: onnx.ModelProto) -> None:
    """Weights have two axes or more; scales, biases and normalisation have one."""
    weights = [each for each in model.graph.initializer if len(each.dims) > 1]
    wide = [each.name for each in weights if each.data_type in _FLOATS]
    if wide or not any(each.data_type == onnx.TensorProto.INT8 for each in weights):
        raise ExportError(
            f"weights that are not int8: {', '.join(wide) or 'there are no others'}; this net "
            "cannot be quantised, export it as float32"
        )


def _check_activations(model: onnx.ModelProto) -> None:
    """Every product takes what was quantised: activation and weight."""
    makers: Mapping[str, Any] = {name: node for node in model.graph.node for name in node.output}
    for node in model.graph.node:
        if node.op_type in _PRODUCTS:
            given = [makers[name].op_type if name in makers else "" for name in node.input[:2]]
            if given != ["DequantizeLinear"] * 2:
                raise ExportError(
                    f"{node.op_type} takes {given}, expected int8 on both sides; export it as "
                    "dynamic-int8 or float32"
                )
