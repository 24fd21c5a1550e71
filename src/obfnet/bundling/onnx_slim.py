"""An ONNX model without what no runtime needs: a device stores and sends every byte of it."""

from __future__ import annotations

import onnx


def slim(model: onnx.ModelProto) -> onnx.ModelProto:
    """``model`` without notes of the exporter, with short names, and without shapes in between.

    Shapes in between also stand in the way of quantisation: the exporter's own differ from those
    that onnx infers. The names of inputs and outputs stay.
    """
    lean = onnx.ModelProto()
    lean.CopyFrom(model)
    graph = lean.graph
    del graph.value_info[:]
    for part in (lean, graph, *graph.node, *graph.initializer, *graph.input, *graph.output):
        part.doc_string = ""
        del part.metadata_props[:]
    for position, node in enumerate(graph.node):
        node.name = str(position)
    if not any(
        each.type == onnx.AttributeProto.GRAPH for node in graph.node for each in node.attribute
    ):
        _rename(graph)
    return lean


def _rename(graph: onnx.GraphProto) -> None:
    """Numbers for the names of all values that nobody outside asks for."""
    short = {each.name: each.name for each in (*graph.input, *graph.output)} | {"": ""}
    for tensor in graph.initializer:
        tensor.name = short.setdefault(tensor.name, f"v{len(short)}")
    for node in graph.node:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                names[place] = short.setdefault(name, f"v{len(short)}")
