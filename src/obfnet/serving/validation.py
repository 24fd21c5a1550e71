"""Compare a request with its model before it may queue, so it cannot spoil its neighbours."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable

import numpy as np

from obfnet.errors import ProtocolError
from obfnet.serving.model import OnnxModel
from obfnet.wire import InferRequest, Tensor, TensorMetadata


def check(request: InferRequest, model: OnnxModel, accept_nan: bool) -> None:
    """Return if ``model`` takes these inputs and has these outputs.

    Raises:
        ProtocolError: missing or unknown name, wrong datatype or shape, or a NaN.
    """
    given = {tensor.name: tensor for tensor in request.inputs}
    if given.keys() != model.expected.keys():
        raise ProtocolError(
            f"model {model.name!r} got inputs {_names(given)}, expected {_names(model.expected)}"
        )
    for name, tensor in given.items():
        _check_tensor(tensor, model.expected[name], accept_nan)
    unknown = {output.name for output in request.outputs} - model.names
    if unknown:
        raise ProtocolError(
            f"model {model.name!r} has no outputs {_names(unknown)}, it has {_names(model.names)}"
        )


def _check_tensor(tensor: Tensor, expected: TensorMetadata, accept_nan: bool) -> None:
    name = tensor.name
    if tensor.datatype != expected.datatype:
        raise ProtocolError(f"input {name!r} is {tensor.datatype}, expected {expected.datatype}")
    fits = len(tensor.shape) == len(expected.shape) and all(
        free in (-1, length) for length, free in zip(tensor.shape, expected.shape, strict=True)
    )
    if not fits:
        raise ProtocolError(
            f"input {name!r} has shape {list(tensor.shape)}, expected {list(expected.shape)}"
            " (-1 stands for any length)"
        )
    if not accept_nan and tensor.data.dtype.kind == "f" and np.isnan(tensor.data).any():
        raise ProtocolError(f"input {name!r} holds NaN; clean the sample before sending it")


def _names(names: Iterable[str]) -> str:
    return reprlib.repr(sorted(names))
