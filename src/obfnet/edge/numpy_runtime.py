"""Runs one exported net with numpy alone, for devices that no runtime has a wheel for.

It reads the same ONNX file as any other runtime, so there is one artefact to sign and compare.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from obfnet.edge.numpy_operators import OPERATORS
from obfnet.edge.onnx_file import Array, Graph, Node, read
from obfnet.errors import BundleRejectedError
from obfnet.specs import Samples

#: Versions of ONNX's operators that mean what the table computes.
OPSETS = range(13, 24)
_Step = tuple[Callable[..., Any], tuple[str, ...], tuple[str, ...]]


def load(content: bytes) -> Callable[[Samples], Samples]:
    """A callable net from ONNX bytes; onnxruntime is the reference, float32 within 1e-5.

    Raises:
        BundleRejectedError: the bytes are no ONNX model, its operators, attributes or their
            version are not in the table, or it has another number of inputs or outputs than one.
    """
    try:
        graph = read(content)
        if graph.opset not in OPSETS:
            raise ValueError(f"its operators are of version {graph.opset}, expected 13 to 23")
        steps, constants = _planned(graph)
    except Exception as error:  # damaged bytes lead anywhere
        raise BundleRejectedError(
            f"a net of the bundle cannot be loaded by numpy: {error}; export it again, or install "
            "onnxruntime"
        ) from error
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise BundleRejectedError(
            f"a net of the bundle has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs, "
            "expected one of each"
        )
    (given,), (wanted,) = graph.inputs, graph.outputs

    def run(values: Samples) -> Samples:
        known = {**constants, given: values}
        for function, inputs, outputs in steps:
            made = function(*[known[name] for name in inputs])
            if len(outputs) == 1:
                known[outputs[0]] = made
            else:
                known.update(zip(outputs, made, strict=True))
        return np.asarray(known[wanted])

    return run


def _planned(graph: Graph) -> tuple[list[_Step], dict[str, Array | None]]:
    """What is left to do for each sample, and all that is known before.

    Nodes of constants alone run once, here: weights kept as int8 become numbers to compute with.
    """
    known: dict[str, Array | None] = {"": None, **graph.constants}
    promised = {*known, *graph.inputs}
    steps: list[_Step] = []
    for node in graph.nodes:
        function = _function(node)
        if not promised.issuperset(node.inputs):
            raise ValueError(f"{node.operator} takes {node.inputs}, which nothing gives")
        if not node.outputs:
            raise ValueError(f"{node.operator} gives nothing")
        promised.update(node.outputs)
        if known.keys() >= set(node.inputs) and len(node.outputs) == 1:
            known[node.outputs[0]] = function(*[known[name] for name in node.inputs])
        else:
            steps.append((function, node.inputs, node.outputs))
    if not promised.issuperset(graph.outputs):
        raise ValueError(f"nothing gives its output {graph.outputs}")
    return steps, known


def _function(node: Node) -> Callable[..., Any]:
    if node.operator not in OPERATORS:
        raise ValueError(f"numpy has no operator {node.operator!r}")
    try:
        return OPERATORS[node.operator](**node.attributes)
    except TypeError as error:
        raise ValueError(f"{node.operator} with attributes {dict(node.attributes)}") from error
