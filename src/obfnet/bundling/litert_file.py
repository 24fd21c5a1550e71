"""A LiteRT file: what it holds as plain data, and without what no runtime needs.

The schema is the one that ``ai-edge-litert`` ships.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from obfnet.errors import ExportError

IDENTIFIER = b"TFL3"
#: The schema asks for it: kernels read weights in place.
_ALIGNMENT = 16


@dataclass(frozen=True)
class Tensor:
    """A value of the graph.

    Args:
        dtype: its name in the schema, such as ``INT8``.
        shape: lengths of its axes, -1 for one that is free.
        constant: whether the file holds it.
        scales: how many it is quantised with; 0 for none.
    """

    dtype: str
    shape: tuple[int, ...]
    constant: bool
    scales: int


@dataclass(frozen=True)
class Operator:
    """One operation.

    Args:
        name: in the schema, such as ``CONV_2D``.
        inputs: without those that are left out.
        outputs: likewise.
        activation: whether it ends with one.
    """

    name: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    activation: bool


@dataclass(frozen=True)
class Graph:
    """What a LiteRT file says.

    Args:
        operators: in the order they run.
        tensors: all values.
    """

    operators: tuple[Operator, ...]
    tensors: tuple[Tensor, ...]


def read(content: bytes) -> Graph:
    """The graph of a LiteRT file that was just made; not for files from outside.

    Raises:
        ExportError: it has another number of graphs than one.
    """
    model = _model(content)
    graph = model.subgraphs[0]
    tensors = tuple(_tensor(each, model) for each in graph.tensors)
    codes = [_name(schema.BuiltinOperator, each.builtinCode) for each in model.operatorCodes]
    operators = tuple(
        Operator(
            codes[each.opcodeIndex],
            tuple(tensors[place] for place in each.inputs if place >= 0),
            tuple(tensors[place] for place in each.outputs if place >= 0),
            bool(getattr(each.builtinOptions, "fusedActivationFunction", 0)),
        )
        for each in graph.operators
    )
    return Graph(operators, tensors)


def slim(content: bytes) -> bytes:
    """``content`` with short names, without notes of the exporter, and aligned as it should be.

    Names are most of what is not weights. Those of input and output become ``input`` and
    ``output``, also in the one signature. Zero points stay, though all are 0: LiteRT for
    microcontrollers reads one for each channel.
    """
    model = _model(content)
    graph = model.subgraphs[0]
    model.description, model.metadata, model.metadataBuffer, graph.name = None, [], None, None
    for number, tensor in enumerate(graph.tensors):
        tensor.name = str(number)
    for name, places in (("input", graph.inputs), ("output", graph.outputs)):
        graph.tensors[places[0]].name = name
    for signature in model.signatureDefs or []:
        for name, ends in (("input", signature.inputs), ("output", signature.outputs)):
            ends[0].name = name
    # By the schema, buffer 0 is the empty one.
    kept = sorted({0, *(tensor.buffer for tensor in graph.tensors)})
    places = {old: new for new, old in enumerate(kept)}
    for tensor in graph.tensors:
        tensor.buffer = places[tensor.buffer]
    model.buffers = [_Aligned(model.buffers[old].data) for old in kept]
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), file_identifier=IDENTIFIER)
    return bytes(builder.Output())


class _Aligned:
    """A buffer, written as the schema asks for; the generated code forgets it in Python."""

    def __init__(self, data: npt.NDArray[np.uint8] | None) -> None:
        self._data = None if data is None else np.asarray(data, np.uint8).tobytes()

    def Pack(self, builder: flatbuffers.Builder) -> int:  # noqa: N802
        """Write it, and give its place."""
        vector = None
        if self._data is not None:
            builder.StartVector(1, len(self._data), _ALIGNMENT)
            builder.head -= len(self._data)
            builder.Bytes[builder.head : builder.head + len(self._data)] = self._data
            vector = builder.EndVector()
        schema.BufferStart(builder)
        if vector is not None:
            schema.BufferAddData(builder, vector)
        place: int = schema.BufferEnd(builder)
        return place


def _model(content: bytes) -> schema.ModelT:
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    if len(model.subgraphs) != 1:
        raise ExportError(f"the LiteRT file has {len(model.subgraphs)} graphs, expected one")
    for buffer in model.buffers:
        # The quantiser puts more than 256 KiB of weights behind the flatbuffer.
        if buffer.data is None and buffer.size:
            buffer.data = np.frombuffer(content, np.uint8, buffer.size, buffer.offset)
    return model


def _tensor(tensor: schema.TensorT, model: schema.ModelT) -> Tensor:
    signature = tensor.shapeSignature
    shape = tensor.shape if signature is None or not len(signature) else signature
    scale = None if tensor.quantization is None else tensor.quantization.scale
    return Tensor(
        _name(schema.TensorType, tensor.type),
        () if shape is None else tuple(int(length) for length in shape),
        model.buffers[tensor.buffer].data is not None,
        0 if scale is None else len(scale),
    )


def _name(table: type, number: int) -> str:
    """What the schema calls ``number``."""
    names: Mapping[str, Any] = vars(table)
    return next(name for name, value in names.items() if value == number)
