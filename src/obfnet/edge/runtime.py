"""What runs an exported net on a device: the fastest that is installed and reads its format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

from obfnet.errors import BundleRejectedError, MissingExtraError, UnknownNameError
from obfnet.specs import Samples

#: Samples or codes in, codes or samples out; float32 both.
Net = Callable[[Samples], Samples]


@dataclass(frozen=True)
class Runtime:
    """One way to run nets.

    Args:
        module: has a ``load`` from bytes to a net.
        package: it needs.
        suffix: of the files it reads.
        extra: that brings the package.
    """

    module: str
    package: str
    suffix: str
    extra: str


#: For each format the fastest first.
RUNTIMES = {
    "onnxruntime": Runtime("obfnet.edge.onnxruntime_runtime", "onnxruntime", ".onnx", "edge"),
    "numpy": Runtime("obfnet.edge.numpy_runtime", "numpy", ".onnx", "edge"),
    "litert": Runtime("obfnet.edge.litert_runtime", "ai_edge_litert", ".tflite", "edge-litert"),
}


def load(content: bytes, runtime: str | None = None, member: str = "net.onnx") -> Net:
    """A callable net from the bytes of an ONNX or LiteRT file.

    Args:
        content: of the file.
        runtime: of ``RUNTIMES``; by default the first that is installed and reads this format.
        member: its name, whose suffix says what format it is.

    Raises:
        UnknownNameError: there is no such runtime, or it does not read this format.
        MissingExtraError: it is not installed.
        BundleRejectedError: the name is of no format, the bytes are no model that this runtime can
            run, or it has another number of inputs or outputs than one.
    """
    name = chosen(runtime, member)
    try:
        made: Net = import_module(RUNTIMES[name].module).load(content)
    except ModuleNotFoundError as error:
        others = (
            "take 'numpy'"
            if RUNTIMES["numpy"].suffix == RUNTIMES[name].suffix
            else "export as ONNX"
        )
        raise MissingExtraError(
            f"runtime {name!r} is not installed: pip install 'obfnet[{RUNTIMES[name].extra}]', or "
            f"{others}"
        ) from error
    return made


def chosen(runtime: str | None, member: str) -> str:
    """The name of what runs ``member``: ``runtime``, or the first that is installed and fits.

    Raises:
        UnknownNameError: there is no such runtime, or it does not read this format.
        BundleRejectedError: the name is of no format.
    """
    if runtime is not None and runtime not in RUNTIMES:
        raise UnknownNameError(f"no runtime {runtime!r}; there are: {', '.join(RUNTIMES)}")
    fitting = [name for name, each in RUNTIMES.items() if member.endswith(each.suffix)]
    if not fitting:
        raise BundleRejectedError(
            f"net {member} is of no format that a runtime here reads: update obfnet on the device"
        )
    if runtime is not None and runtime not in fitting:
        raise UnknownNameError(
            f"runtime {runtime!r} does not read {member}; there are: {', '.join(fitting)}"
        )
    present = (name for name in fitting if find_spec(RUNTIMES[name].package))
    return runtime or next(present, fitting[0])
