"""One ONNX file behind any engine: what it takes and gives is read from the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime

_SPECIAL = {
    "tensor(bool)": ("BOOL", "?"),
    "tensor(float16)": ("FP16", "f2"),
    "tensor(float)": ("FP32", "f4"),
    "tensor(double)": ("FP64", "f8"),
}


@dataclass(frozen=True)
class Described:
    """One input or output: its name, the protocol's datatype, numpy's, and -1 for free axes."""

    name: str
    datatype: str
    dtype: str
    shape: tuple[int, ...]


class OnnxSession:
    """A model on one thread; an engine runs as many as it was told to."""

    def __init__(self, path: str) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4  # failures reach us as exceptions
        self._session = onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"]
        )
        self.inputs = tuple(map(_described, self._session.get_inputs()))
        self.outputs = tuple(map(_described, self._session.get_outputs()))

    def run(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Every output by name, for one array by the name of each input.

        Raises:
            ValueError: names, element types or shapes that are not the file's.
        """
        expected = {each.name: each for each in self.inputs}
        if given.keys() != expected.keys():
            raise ValueError(f"got inputs {sorted(given)}, expected {sorted(expected)}")
        for name, array in given.items():
            _check(array, expected[name])
        names = [each.name for each in self.outputs]
        return dict(zip(names, self._session.run(names, dict(given)), strict=True))

    def wanted(self, names: Sequence[str]) -> list[Described]:
        """The outputs of these names, all of them where none are named.

        Raises:
            ValueError: there is no such output.
        """
        known = {each.name: each for each in self.outputs}
        unknown = sorted(set(names) - known.keys())
        if unknown:
            raise ValueError(f"no outputs {unknown}, the model has {sorted(known)}")
        return [known[name] for name in names or known]


def _described(tensor: Any) -> Described:  # noqa: ANN401 - the runtime's own type
    kind = tensor.type.removeprefix("tensor(").removesuffix(")")
    datatype, dtype = _SPECIAL.get(tensor.type, (kind.upper(), kind))
    shape = tuple(length if isinstance(length, int) else -1 for length in tensor.shape)
    return Described(tensor.name, datatype, np.dtype(dtype).str, shape)


def _check(array: Any, expected: Described) -> None:  # noqa: ANN401
    if array.dtype != np.dtype(expected.dtype):
        raise ValueError(f"input {expected.name!r} is {array.dtype}, expected {expected.datatype}")
    fits = len(array.shape) == len(expected.shape) and all(
        free in (-1, length) for free, length in zip(expected.shape, array.shape, strict=True)
    )
    if not fits:
        raise ValueError(
            f"input {expected.name!r} has shape {list(array.shape)}, "
            f"expected {list(expected.shape)} (-1 stands for any length)"
        )
