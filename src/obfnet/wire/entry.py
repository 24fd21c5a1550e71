"""Tensors as entries of a message's JSON object, with their values in it or after it."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Iterable

import numpy as np

from obfnet.errors import ProtocolError
from obfnet.wire import fields as read
from obfnet.wire.fields import Fields
from obfnet.wire.numbers import from_json, to_json
from obfnet.wire.tensor import DATATYPES, Array, Tensor

_MAX_AXES = 32  # numpy's own limit before version 2
_MAX_BYTES = 2**62  # keeps every product of lengths within numpy's index type


def encode_tensors(
    tensors: Iterable[Tensor], binary: Callable[[str], bool]
) -> tuple[list[Fields], list[bytes]]:
    """JSON entries for ``tensors``, and the bytes of those whose name is ``binary``.

    Raises:
        ProtocolError: two tensors share a name, or one needs binary and is not to have it.
    """
    entries: dict[str, Fields] = {}
    chunks: list[bytes] = []
    for tensor in tensors:
        if tensor.name in entries:
            raise ProtocolError(f"tensor {tensor.name!r} is given twice, expected once")
        entry: Fields = {
            "name": tensor.name,
            "shape": list(tensor.shape),
            "datatype": tensor.datatype,
        }
        if binary(tensor.name):
            chunk = tensor.data.astype(DATATYPES[tensor.datatype], copy=False).tobytes()
            entry["parameters"] = {"binary_data_size": len(chunk)}
            chunks.append(chunk)
        else:
            entry["data"] = to_json(tensor)
        entries[tensor.name] = entry
    return list(entries.values()), chunks


def decode_tensors(entries: list[Fields], tail: memoryview) -> tuple[Tensor, ...]:
    """The tensors that ``entries`` describe, taking binary values from ``tail`` in order.

    Each array owns its memory: wherever the JSON ended, it is aligned and may be written.

    Raises:
        ProtocolError: an entry is malformed, or ``tail`` is shorter or longer than they say.
    """
    tensors = []
    for entry in entries:
        name = read.text(entry, "name", "tensor")
        where = f"tensor {reprlib.repr(name)}"
        datatype = read.text(entry, "datatype", where)
        if datatype not in DATATYPES:
            raise read.wrong(where, "datatype", datatype, f"one of {', '.join(DATATYPES)}")
        shape = _shape(entry, where, DATATYPES[datatype].itemsize)
        size = read.parameters(entry, where).get("binary_data_size")
        if size is None:
            data = from_json(
                where, datatype, shape, read.items(entry, "data", where, required=True)
            )
        elif "data" in entry:
            raise ProtocolError(f"{where} has both 'data' and 'binary_data_size', expected one")
        else:
            data = _from_bytes(where, datatype, shape, size, tail)
            tail = tail[data.nbytes :]
        tensors.append(Tensor(name, data))
    if tail:
        raise ProtocolError(f"{len(tail)} bytes are left after the last tensor, expected none")
    return tuple(tensors)


def _shape(entry: Fields, where: str, itemsize: int) -> tuple[int, ...]:
    shape = read.items(entry, "shape", where, required=True)
    natural = all(type(length) is int and 0 <= length <= _MAX_BYTES for length in shape)
    if not natural or len(shape) > _MAX_AXES:
        raise read.wrong(where, "shape", shape, f"at most {_MAX_AXES} lengths, 0 or greater")
    if itemsize * math.prod(length or 1 for length in shape) > _MAX_BYTES:
        raise read.wrong(where, "shape", shape, "a size that fits in memory")
    return tuple(shape)


def _from_bytes(
    where: str, datatype: str, shape: tuple[int, ...], size: object, tail: memoryview
) -> Array:
    dtype = DATATYPES[datatype]
    count = math.prod(shape)
    if type(size) is not int or size != count * dtype.itemsize:
        expected = f"{count * dtype.itemsize} for {datatype} of shape {list(shape)}"
        raise read.wrong(where, "binary_data_size", size, expected)
    if size > len(tail):
        raise ProtocolError(f"{where}: {len(tail)} bytes of binary data are left, expected {size}")
    if datatype == "BOOL" and np.frombuffer(tail[:size], np.uint8).max(initial=0) > 1:
        raise ProtocolError(f"{where} holds a BOOL byte above 1, expected 0 or 1")
    native = dtype.newbyteorder("=")
    return np.frombuffer(tail[:size], dtype, count).astype(native).reshape(shape)
