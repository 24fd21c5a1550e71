"""Run an ONNX graph in torch, node by node, for the gradients that onnxruntime does not give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from obfnet.nets.onnx_operators import OPERATORS


class UnknownOperatorError(Exception):
    """The graph holds an operator that has no row in the table; never leaves ``nets``."""


def interpret(model: onnx.ModelProto) -> Callable[[Tensor], Tensor]:
    """The function from the model's one input to its first output.

    Whether it answers as the model does is for the caller to check.

    Raises:
        UnknownOperatorError: an operator is not in the table.
    """
    graph = model.graph
    nodes = graph.node
    unknown = {f"{node.domain}.{node.op_type}".strip(".") for node in nodes} - OPERATORS.keys()
    if unknown:
        raise UnknownOperatorError(f"no gradients are known for {', '.join(sorted(unknown))}")
    constants = {tensor.name: _tensor(tensor) for tensor in graph.initializer}
    steps = [
        (OPERATORS[node.op_type], list(node.input), node.output[0], _attributes(node))
        for node in graph.node
    ]
    (given,) = (tensor.name for tensor in graph.input if tensor.name not in constants)
    wanted = graph.output[0].name

    def run(samples: Tensor) -> Tensor:
        values: dict[str, Tensor | None] = {"": None, **constants, given: samples}
        for operator, inputs, output, attributes in steps:
            values[output] = operator(*(values[name] for name in inputs), **attributes)
        found = values[wanted]
        assert found is not None  # only the empty name stands for nothing
        return found

    return run


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {attribute.name: _value(attribute) for attribute in node.attribute}


def _value(attribute: onnx.AttributeProto) -> object:
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, onnx.TensorProto):
        return _tensor(value)
    return value.decode() if isinstance(value, bytes) else value


def _tensor(tensor: onnx.TensorProto) -> Tensor:
    return torch.tensor(numpy_helper.to_array(tensor))
