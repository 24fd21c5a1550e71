"""Arrays as JSON lists and back; what an array writes reads back exactly."""

from __future__ import annotations

import math
from itertools import chain
from typing import Any

import numpy as np

from obfnet.errors import ProtocolError
from obfnet.wire.tensor import DATATYPES, Array, Tensor

_JSON_TYPES: dict[str, set[type]] = {"b": {bool}, "i": {int}, "u": {int}, "f": {int, float}}


def to_json(tensor: Tensor) -> list[Any]:
    """The tensor's values, flat and in row-major order.

    A float32 is written with the digits of the equal float64, so it reads back exactly.

    Raises:
        ProtocolError: FP16, NaN or infinity, which JSON cannot carry.
    """
    if tensor.datatype == "FP16":
        raise ProtocolError(f"tensor {tensor.name!r} is FP16, which goes in binary only")
    if tensor.data.dtype.kind == "f" and not np.isfinite(tensor.data).all():
        raise ProtocolError(
            f"tensor {tensor.name!r} holds NaN or infinity, which JSON cannot carry; use binary"
        )
    values: list[Any] = tensor.data.ravel().tolist()
    return values


def from_json(where: str, datatype: str, shape: tuple[int, ...], data: list[Any]) -> Array:
    """The array of ``shape`` whose values ``data`` lists, flat or nested as ``shape`` is.

    Raises:
        ProtocolError: FP16, wrong count, ragged nesting, wrong JSON type, value out of range.
    """
    if datatype == "FP16":
        raise ProtocolError(f"{where} is FP16 in JSON, expected binary")
    dtype = DATATYPES[datatype]
    flat = _flatten(where, shape, data)
    count = math.prod(shape)
    if len(flat) != count:
        raise ProtocolError(
            f"{where} lists {len(flat)} values, expected {count} for shape {list(shape)}"
        )
    strange = set(map(type, flat)) - _JSON_TYPES[dtype.kind]
    if strange:
        raise ProtocolError(
            f"{where} lists a JSON {min(kind.__name__ for kind in strange)}, "
            f"expected values of {datatype}"
        )
    if dtype.kind in "iu" and flat:
        limits = np.iinfo(dtype)
        if min(flat) < limits.min or max(flat) > limits.max:
            raise _out_of_range(where, datatype)
    try:
        with np.errstate(over="ignore"):
            array = np.array(flat, dtype).reshape(shape)
    except OverflowError as error:  # an integer too long for any float
        raise _out_of_range(where, datatype) from error
    if dtype.kind == "f" and not np.isfinite(array).all():
        raise _out_of_range(where, datatype)
    return array


def _flatten(where: str, shape: tuple[int, ...], data: list[Any]) -> list[Any]:
    for axis, length in enumerate(shape[1:], start=1):
        if not data or not isinstance(data[0], list):
            break
        even = all(isinstance(row, list) and len(row) == length for row in data)
        if not even or len(data) != math.prod(shape[:axis]):
            raise ProtocolError(f"{where} is nested otherwise than its shape {list(shape)}")
        data = list(chain.from_iterable(data))
    return data


def _out_of_range(where: str, datatype: str) -> ProtocolError:
    return ProtocolError(f"{where} lists a value outside the range of {datatype}")
