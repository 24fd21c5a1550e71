"""A named array and the names Open Inference Protocol v2 gives to element types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from obfnet.errors import ProtocolError

Array = npt.NDArray[Any]

# On the wire every number is little-endian, whatever the machine.
DATATYPES: Mapping[str, np.dtype[Any]] = MappingProxyType(
    {
        "BOOL": np.dtype("?"),
        "UINT8": np.dtype("u1"),
        "UINT16": np.dtype("<u2"),
        "UINT32": np.dtype("<u4"),
        "UINT64": np.dtype("<u8"),
        "INT8": np.dtype("i1"),
        "INT16": np.dtype("<i2"),
        "INT32": np.dtype("<i4"),
        "INT64": np.dtype("<i8"),
        "FP16": np.dtype("<f2"),
        "FP32": np.dtype("<f4"),
        "FP64": np.dtype("<f8"),
    }
)
#: By kind and size, which tell a type whatever its byte order, and cost less to look up.
_NAMES = {(dtype.kind, dtype.itemsize): name for name, dtype in DATATYPES.items()}


@dataclass(frozen=True, eq=False)
class Tensor:
    """A named array of any shape; compared by identity, as arrays have no single truth.

    Args:
        name: the name of a model's input or output.
        data: array whose element type stands in ``DATATYPES``.

    Raises:
        ProtocolError: empty name, or an element type the protocol cannot carry.
    """

    name: str
    data: Array

    def __post_init__(self) -> None:
        if not self.name:
            raise ProtocolError("a tensor has an empty name; give it the model's input name")
        if (self.data.dtype.kind, self.data.dtype.itemsize) not in _NAMES:
            raise ProtocolError(
                f"tensor {self.name!r} holds {self.data.dtype}, expected one of "
                f"{', '.join(map(str, DATATYPES.values()))}; convert it with .astype()"
            )

    @property
    def datatype(self) -> str:
        """The protocol's name of the element type, e.g. ``"FP32"``."""
        return _NAMES[self.data.dtype.kind, self.data.dtype.itemsize]

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of the axes."""
        return self.data.shape
