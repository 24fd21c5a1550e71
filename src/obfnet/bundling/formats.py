"""The formats of an exported net: how each is made, and how it is run for a gate to judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import onnxruntime
from torch import nn

from obfnet.bundling.litert_export import export_litert
from obfnet.bundling.litert_net import litert_net
from obfnet.bundling.onnx_export import export_onnx
from obfnet.errors import UnknownNameError
from obfnet.specs import Samples

#: Module, probes, precision and calibration to the content of a file.
Export = Callable[[nn.Module, Samples, str, Samples | None], bytes]
#: Content of a file to a callable net.
Open = Callable[[bytes], Callable[[Samples], Samples]]


@dataclass(frozen=True)
class Format:
    """One format.

    Args:
        suffix: of its files; a member's name says its format by it.
        package: that makes it, whose version a manifest keeps.
        export: see ``export_onnx``.
        open: runs what was exported.
    """

    suffix: str
    package: str
    export: Export
    open: Open


def _onnx_net(content: bytes) -> Callable[[Samples], Samples]:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return lambda values: np.asarray(session.run(None, {"input": values})[0])


FORMATS: Mapping[str, Format] = {
    "onnx": Format(".onnx", "onnx", export_onnx, _onnx_net),
    "litert": Format(".tflite", "litert-torch", export_litert, litert_net),
}


def find(name: str) -> Format:
    """The format called ``name``.

    Raises:
        UnknownNameError: there is none.
    """
    if name not in FORMATS:
        raise UnknownNameError(f"no format {name!r}; there are: {', '.join(FORMATS)}")
    return FORMATS[name]


def open_net(member: str, content: bytes) -> Callable[[Samples], Samples]:
    """The net that an exported member is, by the suffix of its name."""
    return next(each for each in FORMATS.values() if member.endswith(each.suffix)).open(content)
