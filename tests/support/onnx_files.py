"""Tiny real ONNX models made by hand, so that every answer is exact."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

SAMPLE = ["n", 1, 2, 2]
FP32 = TensorProto.FLOAT
FIRST_THREE = np.eye(4, 3, dtype=np.float32)


def onnx_net(
    nodes, accepts=SAMPLE, gives=("n", 3), kind=FP32, answers=FP32, beside=(), **constants
) -> bytes:
    """An ONNX model from ``x`` to ``y``; a node is operator, inputs, output and attributes.

    ``kind`` and ``answers`` are the element types of x and y; ``beside`` are more inputs.
    """
    graph = helper.make_graph(
        [
            helper.make_node(operator, given, [output], **dict(*attributes))
            for operator, given, output, *attributes in nodes
        ],
        "graph",
        [helper.make_tensor_value_info(name, kind, accepts) for name in ("x", *beside)],
        [helper.make_tensor_value_info("y", answers, list(gives))],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


def scores(*more, weights=FIRST_THREE, accepts=SAMPLE, gives=("n", 3), **options) -> bytes:
    """The flat sample times ``weights`` as ``s``, then ``more`` nodes that end in ``y``."""
    nodes = [("Flatten", ["x"], "flat"), ("MatMul", ["flat", "w"], "s")]
    more = more or [("Identity", ["s"], "y")]
    return onnx_net([*nodes, *more], accepts, gives, w=weights, **options)


def repository(folder, **models):
    """``folder`` with the ONNX bytes of ``models`` as a server's repository wants them."""
    for name, content in models.items():
        path = folder / name / "1" / "model.onnx"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder
