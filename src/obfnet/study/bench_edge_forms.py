"""The forms an ObfNet runs in: a runtime and a precision. One that is missing is a reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

import onnxruntime
from torch import nn

from obfnet.edge.runtime import Net
from obfnet.errors import ObfNetError
from obfnet.progress import say
from obfnet.specs import Samples


@dataclass(frozen=True)
class Runtime:
    """What makes a file of a net, and what runs it.

    Args:
        exporter: module and function, of module, probes and precision to bytes.
        loader: module with ``load``, of bytes to a net.
    """

    exporter: tuple[str, str]
    loader: str


_ONNX = ("obfnet.bundling.onnx_export", "export_onnx")
RUNTIMES = {
    "onnxruntime": Runtime(_ONNX, "obfnet.edge.onnxruntime_runtime"),
    "numpy": Runtime(_ONNX, "obfnet.edge.numpy_runtime"),
    "litert": Runtime(
        ("obfnet.bundling.litert_export", "export_litert"), "obfnet.edge.litert_runtime"
    ),
}


@dataclass(frozen=True, order=True)
class Form:
    """A runtime, of ``RUNTIMES``, and a precision of its exporter."""

    runtime: str
    precision: str

    def __str__(self) -> str:
        return f"{self.runtime} {self.precision}"


#: numpy's whole numbers are an oracle, not a fast way.
FORMS = (
    *(Form("onnxruntime", each) for each in ("float32", "dynamic-int8", "int8")),
    Form("numpy", "float32"),
    *(Form("litert", each) for each in ("float32", "dynamic-int8", "int8")),
)


@dataclass(frozen=True, eq=False)
class Made:
    """A net in one form.

    Args:
        content: of its file.
        run: samples ``(1, *shape)`` to the net's answer.
    """

    content: bytes
    run: Net


class Maker:
    """Makes nets in forms; a file is made once for all runtimes that read it.

    What cannot be made is said and left out: its reason is in ``missing``, by form and net.
    """

    def __init__(self) -> None:
        self.missing: dict[str, str] = {}
        self._files: dict[tuple[str, tuple[str, str], str], bytes] = {}

    def __call__(self, name: str, module: nn.Module, probes: Samples, form: Form) -> Made | None:
        """The net called ``name`` in a form, or None.

        Args:
            name: the same for the same module.
            module: maps ``(n, *shape)`` to ``(n, ...)``.
            probes: inputs that exports are compared on, and ranges are taken from.
            form: which.
        """
        runtime = RUNTIMES[form.runtime]
        place = (name, runtime.exporter, form.precision)
        try:
            if place not in self._files:
                say(f"  export {name}, {form}")
                where, function = runtime.exporter
                export: Callable[..., bytes] = getattr(import_module(where), function)
                self._files[place] = export(module, probes, form.precision)
            content = self._files[place]
            return Made(content, import_module(runtime.loader).load(content))
        except (ImportError, ObfNetError) as error:
            self.missing[f"{name}, {form}"] = str(error)
            say(f"  without {name}, {form}: {error}")
            return None


def bare(content: bytes, sample: Samples) -> Callable[[], object]:
    """One run of an ONNX net in onnxruntime, input and output bound beforehand."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    binding.bind_cpu_input(session.get_inputs()[0].name, sample)
    binding.bind_output(session.get_outputs()[0].name)
    return lambda: session.run_with_iobinding(binding)
