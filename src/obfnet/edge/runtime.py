"""What runs an exported net on a device: onnxruntime, or numpy where there is no wheel for it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

from obfnet.errors import MissingExtraError, UnknownNameError
from obfnet.specs import Samples

#: Samples or codes in, codes or samples out; float32 both.
Net = Callable[[Samples], Samples]

#: Module with a ``load`` by the package it needs, the fastest first.
RUNTIMES = {
    "onnxruntime": "obfnet.edge.onnxruntime_runtime",
    "numpy": "obfnet.edge.numpy_runtime",
}


def load(content: bytes, runtime: str | None = None) -> Net:
    """A callable net from the bytes of an ONNX file.

    Args:
        content: of the file.
        runtime: of ``RUNTIMES``; by default the first that is installed.

    Raises:
        UnknownNameError: there is no such runtime.
        MissingExtraError: it is not installed.
        BundleRejectedError: the bytes are no ONNX model that this runtime can run, or it has
            another number of inputs or outputs than one.
    """
    name = runtime or next(each for each in RUNTIMES if find_spec(each))
    if name not in RUNTIMES:
        raise UnknownNameError(f"no runtime {name!r}; there are: {', '.join(RUNTIMES)}")
    try:
        made: Net = import_module(RUNTIMES[name]).load(content)
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"runtime {name!r} is not installed: pip install 'obfnet[edge]', or take 'numpy'"
        ) from error
    return made
