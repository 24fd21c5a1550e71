"""Tiny real LiteRT files made by hand with the runtime's own schema, so that answers are exact."""

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

FIRST_THREE = np.eye(3, 4, dtype=np.float32)
SAMPLE = (1, 1, 2, 2)
#: The schema's numbers of element types.
KINDS = {
    np.dtype(np.float32): schema.TensorType.FLOAT32,
    np.dtype(np.int32): schema.TensorType.INT32,
    np.dtype(np.int8): schema.TensorType.INT8,
}


def value(shape, dtype=np.float32, scale=None, zero=0, data=None):
    """One value of a graph; with ``data`` it is a constant."""
    tensor = schema.TensorT()
    tensor.shape, tensor.type = list(shape), KINDS[np.dtype(dtype)]
    if scale is not None:
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [zero]
    return tensor, data


def litert_file(values, operators, inputs, outputs) -> bytes:
    """A LiteRT file of ``operators``, each a name and the places of its inputs and outputs."""
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.subgraphs = 3, [graph]
    model.buffers = [schema.BufferT()]
    graph.tensors, graph.operators, model.operatorCodes = [], [], []
    for number, (tensor, data) in enumerate(values):
        tensor.name, tensor.buffer = f"t{number}", 0
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            tensor.buffer = len(model.buffers)
            model.buffers.append(buffer)
        graph.tensors.append(tensor)
    for name, taken, given in operators:
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, name)
        code.deprecatedBuiltinCode, code.version = code.builtinCode, 1
        operator = schema.OperatorT()
        operator.opcodeIndex = len(model.operatorCodes)
        operator.inputs, operator.outputs = list(taken), list(given)
        if name == "FULLY_CONNECTED":
            operator.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
            operator.builtinOptions = schema.FullyConnectedOptionsT()
        if name == "ADD":
            operator.builtinOptionsType = schema.BuiltinOptions.AddOptions
            operator.builtinOptions = schema.AddOptionsT()
        model.operatorCodes.append(code)
        graph.operators.append(operator)
    graph.inputs, graph.outputs = list(inputs), list(outputs)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def litert_scores(weights=FIRST_THREE) -> bytes:
    """The flat sample of four values times ``weights`` ``(n, 4)``."""
    values = [
        value(SAMPLE),
        value([2], np.int32, data=np.array([1, 4], np.int32)),
        value((1, 4)),
        value(weights.shape, data=weights.astype(np.float32)),
        value((1, len(weights))),
    ]
    operators = [("RESHAPE", (0, 1), (2,)), ("FULLY_CONNECTED", (2, 3, -1), (4,))]
    return litert_file(values, operators, [0], [4])


def litert_integers(scale=1 / 256, zero=-128) -> bytes:
    """A flat copy of the sample in int8."""
    values = [
        value(SAMPLE, np.int8, scale, zero),
        value([2], np.int32, data=np.array([1, 4], np.int32)),
        value((1, 4), np.int8, scale, zero),
    ]
    return litert_file(values, [("RESHAPE", (0, 1), (2,))], [0], [2])


def litert_sum(shape=SAMPLE, **options) -> bytes:
    """Two inputs and their sum; with ``both=False`` one that is added to itself."""
    places = [0, 1] if options.get("both", True) else [0, 0]
    values = [value(shape), value(shape), value(shape)]
    return litert_file(values, [("ADD", places, (2,))], sorted(set(places)), [2])
