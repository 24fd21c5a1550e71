"""What the Edge TPU's compiler takes, so that a full int8 net runs on it as a whole.

The compiler (version 16, the last) is not to be had here. The table and its limits are those it
publishes: https://coral.ai/docs/edgetpu/models-intro/#supported-operations and, for tensors,
#model-requirements on the same page. Accelerators and kernels for microcontrollers that came after
it take at least as much of full int8.
"""

from __future__ import annotations

from math import prod

from obfnet.bundling.litert_file import Graph, Operator, Tensor
from obfnet.errors import ExportError

OPERATORS = frozenset(
    {
        "ADD",
        "AVERAGE_POOL_2D",
        "CONCATENATION",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "EXPAND_DIMS",
        "FULLY_CONNECTED",
        "L2_NORMALIZATION",
        "LOGISTIC",
        "MAXIMUM",
        "MAX_POOL_2D",
        "MEAN",
        "MINIMUM",
        "MUL",
        "PACK",
        "PAD",
        "PRELU",
        "QUANTIZE",
        "REDUCE_MAX",
        "REDUCE_MIN",
        "RELU",
        "RELU6",
        "RELU_N1_TO_1",
        "RESHAPE",
        "RESIZE_BILINEAR",
        "RESIZE_NEAREST_NEIGHBOR",
        "RSQRT",
        "SLICE",
        "SOFTMAX",
        "SPACE_TO_DEPTH",
        "SPLIT",
        "SQUARED_DIFFERENCE",
        "SQUEEZE",
        "STRIDED_SLICE",
        "SUB",
        "SUM",
        "TANH",
        "TRANSPOSE",
        "TRANSPOSE_CONV",
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
    }
)
#: They are taken only where no activation is part of them.
BARE = frozenset({"AVERAGE_POOL_2D", "CONCATENATION", "MAX_POOL_2D"})
#: Axes that may be longer than 1, counted from the last.
AXES = 3


def check(graph: Graph) -> None:
    """Every operator and every tensor is one the compiler takes.

    Raises:
        ExportError: one is not.
    """
    for operator in graph.operators:
        if problem := _operator(operator):
            raise ExportError(
                f"the Edge TPU's compiler does not take {operator.name}: {problem}; change the "
                "net, or export it as dynamic-int8"
            )


def _operator(operator: Operator) -> str | None:
    """Why it is not taken; None where it is."""
    if operator.name not in OPERATORS:
        return "it is not in its list"
    if operator.name in BARE and operator.activation:
        return "an activation is part of it"
    for tensor in (*operator.inputs, *operator.outputs):
        if problem := _tensor(tensor):
            return problem
    return None


def _tensor(tensor: Tensor) -> str | None:
    if tensor.constant:
        # Weights and what is added to sums; shapes, paddings and the like are int32 too.
        return None if tensor.dtype in ("INT8", "INT32") else f"a constant is {tensor.dtype}"
    if tensor.dtype != "INT8":
        return f"it computes in {tensor.dtype}, expected int8"
    if min(tensor.shape, default=1) < 1:
        return f"its shape {tensor.shape} is not fixed"
    if prod(tensor.shape[:-AXES]) != 1:
        return f"of its shape {tensor.shape} more than the last {AXES} axes are longer than 1"
    return None
