"""An ONNX file as plain data, read without the onnx package: nodes, constants, ends.

Field numbers are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from obfnet.edge.protobuf import Message, fields, floats, integers, messages, texts

Array = npt.NDArray[Any]

#: Element types of tensors by ONNX's number.
TYPES: Mapping[int, type[np.generic]] = {
    1: np.float32,
    2: np.uint8,
    3: np.int8,
    6: np.int32,
    7: np.int64,
    9: np.bool_,
    10: np.float16,
    11: np.float64,
}


@dataclass(frozen=True)
class Node:
    """One operation.

    Args:
        operator: its name, with its domain if that is not ONNX's own.
        inputs: names of values; the empty name stands for an input that is left out.
        outputs: names of values.
        attributes: by name: numbers, strings, arrays and lists of them.
    """

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True)
class Graph:
    """What an ONNX file says.

    Args:
        opset: version of ONNX's own operators.
        nodes: each after those whose outputs it takes.
        constants: weights by name.
        inputs: names of the values that are given, without constants.
        outputs: names of the values that are wanted.
    """

    opset: int
    nodes: tuple[Node, ...]
    constants: Mapping[str, Array]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def read(content: bytes) -> Graph:
    """The graph of an ONNX file; its weights must be inside.

    Raises:
        ValueError: it is none, is cut off, or holds what is not read here.
    """
    model = fields(content)
    if not model.get(7) or model.get(25):
        raise ValueError("it holds no graph, or functions of its own")
    versions = {_text(opset, 1): integers(opset.get(2, []))[-1] for opset in _inner(model, 8)}
    if "" not in versions:
        raise ValueError("it names no version of ONNX's operators")
    graph = fields(messages(model[7])[-1])
    if graph.get(15):
        raise ValueError("it holds sparse weights")
    constants = {_text(tensor, 8): _array(tensor) for tensor in _inner(graph, 5)}
    return Graph(
        versions[""],
        tuple(_node(each) for each in _inner(graph, 1)),
        constants,
        tuple(name for each in _inner(graph, 11) if (name := _text(each, 1)) not in constants),
        tuple(_text(each, 1) for each in _inner(graph, 12)),
    )


def _inner(message: Message, number: int) -> list[Message]:
    return [fields(each) for each in messages(message.get(number, []))]


def _text(message: Message, number: int) -> str:
    return (texts(message.get(number, [])) or [""])[-1]


def _node(message: Message) -> Node:
    domain = _text(message, 7)
    known = "" if domain in ("", "ai.onnx") else f"{domain}."
    return Node(
        known + _text(message, 4),
        tuple(texts(message.get(1, []))),
        tuple(texts(message.get(2, []))),
        {_text(each, 1): _attribute(each) for each in _inner(message, 5)},
    )


def _attribute(message: Message) -> object:
    (kind,) = integers(message.get(20, []))
    if kind not in _ATTRIBUTES:
        raise ValueError(f"attribute {_text(message, 1)!r} is of type {kind}")
    return _ATTRIBUTES[kind](message)


def _array(message: Message) -> Array:
    if message.get(13) or 1 in integers(message.get(14, [])):
        raise ValueError("its weights lie in another file")
    (kind,) = integers(message.get(2, []))
    if kind not in TYPES:
        raise ValueError(f"a tensor is of element type {kind}")
    shape = integers(message.get(1, []))
    dtype = np.dtype(TYPES[kind]).newbyteorder("<")
    if message.get(9):
        flat = np.frombuffer(messages(message[9])[-1], dtype)
    elif kind == 1:
        flat = np.array(floats(message.get(4, [])), np.float32)
    elif kind == 7:
        flat = np.array(integers(message.get(7, [])), np.int64)
    elif kind in (2, 3, 6, 9):
        flat = np.array(integers(message.get(5, []))).astype(TYPES[kind])
    else:
        raise ValueError(f"a tensor of element type {kind} is not written as raw bytes")
    if len(flat) != prod(shape) or min(shape, default=0) < 0:
        raise ValueError(f"a tensor of shape {shape} has {len(flat)} values")
    return flat.reshape(shape).astype(TYPES[kind], copy=False)


#: How an attribute's value is read, by ONNX's number of its type.
_ATTRIBUTES: Mapping[int, Callable[[Message], object]] = {
    1: lambda message: (floats(message.get(2, [])) or [0.0])[-1],
    2: lambda message: (integers(message.get(3, [])) or [0])[-1],
    3: lambda message: _text(message, 4),
    4: lambda message: _array(_inner(message, 5)[-1]),
    6: lambda message: floats(message.get(7, [])),
    7: lambda message: integers(message.get(8, [])),
    8: lambda message: texts(message.get(9, [])),
}
