"""One ONNX file ready to run, described by what the file itself says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy.typing as npt
import onnxruntime

from obfnet.errors import ModelLoadError
from obfnet.threads import available
from obfnet.wire import DATATYPES, TensorMetadata

Array = npt.NDArray[Any]

_SPECIAL_TYPES = {
    "tensor(bool)": "BOOL",
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
}
_ONLY_FATAL = 4  # failures reach us as exceptions; the runtime need not print them as well


@dataclass(frozen=True, eq=False)
class OnnxModel:
    """A loaded model; ``run`` may be called from any thread.

    Args:
        name: folder it was found in.
        version: number of its version folder.
        inputs: what it takes, axes of free length as -1.
        outputs: what it gives, likewise.
        session: the runtime's handle.
    """

    name: str
    version: int
    inputs: tuple[TensorMetadata, ...]
    outputs: tuple[TensorMetadata, ...]
    session: onnxruntime.InferenceSession

    @cached_property
    def expected(self) -> Mapping[str, TensorMetadata]:
        """The inputs by name."""
        return {tensor.name: tensor for tensor in self.inputs}

    @cached_property
    def names(self) -> frozenset[str]:
        """Of the outputs."""
        return frozenset(tensor.name for tensor in self.outputs)

    @cached_property
    def batchable(self) -> bool:
        """Whether the first axis of every input and output is free, so rows can be joined."""
        return all(tensor.shape[:1] == (-1,) for tensor in self.inputs + self.outputs)

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """The named outputs for ``inputs``, arrays that fit ``self.inputs``."""
        answers: list[Array] = self.session.run(outputs, inputs)
        return answers


def load_model(path: Path, name: str, version: int, threads: int = 0) -> OnnxModel:
    """Load the ONNX file at ``path``.

    Args:
        path: the file.
        name: name to serve it under.
        version: version to serve it as.
        threads: that it may use, 0 for as many as the CPU affinity allows.

    Raises:
        ModelLoadError: not an ONNX file, one the runtime cannot execute, or one with
            inputs or outputs that are not tensors of numbers.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or available()
    options.inter_op_num_threads = 1
    # Idle threads that spin starve the event loop: it then answers less than half as often.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = _ONLY_FATAL
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # the runtime's errors have no common root of their own
        raise ModelLoadError(
            f"{path} ({_describe(path)}) could not be loaded: {error}; expected an ONNX file "
            "this version of onnxruntime can run: export the model again and replace it"
        ) from error
    return OnnxModel(
        name=name,
        version=version,
        inputs=tuple(_metadata(path, tensor) for tensor in session.get_inputs()),
        outputs=tuple(_metadata(path, tensor) for tensor in session.get_outputs()),
        session=session,
    )


def _describe(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return f"{path.stat().st_size} bytes, beginning {file.read(16)!r}"
    except OSError as error:
        return f"unreadable: {error.strerror}"


def _metadata(path: Path, tensor: onnxruntime.NodeArg) -> TensorMetadata:
    kind = tensor.type
    datatype = _SPECIAL_TYPES.get(kind, kind.removeprefix("tensor(").removesuffix(")").upper())
    if datatype not in DATATYPES:
        raise ModelLoadError(
            f"{path}: {tensor.name!r} is a {kind}, expected a tensor of one of "
            f"{', '.join(DATATYPES)}: export the model with numbers in and out"
        )
    # A free axis comes as a name or None.
    shape = tuple(length if isinstance(length, int) else -1 for length in tensor.shape)
    return TensorMetadata(tensor.name, datatype, shape)
