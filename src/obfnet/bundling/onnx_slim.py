"""An ONNX model without what no runtime needs: a device stores and sends every byte of it."""

from __future__ import annotations

import onnx


def slim(model: onnx.ModelProto) -> onnx.ModelProto:
    """``model`` without notes of the exporter, names of nodes, and shapes in between.

    Shapes in between also stand in the way of quantisation: the exporter's own differ from those
    that onnx infers.
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
    return lean
