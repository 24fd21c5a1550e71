"""ONNX with a free batch size, handed out only if it answers as the original does."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import onnxruntime
import torch
from torch import nn

from obfnet.bundling.onnx_int8 import dynamic_int8, full_int8
from obfnet.bundling.onnx_slim import slim
from obfnet.bundling.parity import (
    BATCHES,
    PRECISIONS,
    TOLERANCES,
    check_parity,
    check_request,
)
from obfnet.bundling.quiet import quiet
from obfnet.errors import ExportError
from obfnet.specs import Samples

__all__ = ["BATCHES", "OPSET", "PRECISIONS", "TOLERANCES", "export_onnx"]

OPSET = 18

_QUANTISERS: Mapping[str, Callable[[bytes, Samples], bytes]] = {
    "dynamic-int8": lambda content, _: dynamic_int8(content),
    "int8": full_int8,
}


def export_onnx(
    module: nn.Module,
    samples: Samples,
    precision: str = "float32",
    calibration: Samples | None = None,
) -> bytes:
    """Export ``module`` as ONNX with input ``input`` and output ``output``.

    Args:
        module: maps ``(n, *shape)`` float32 to ``(n, ...)``; exported in eval mode.
        samples: at least 17 real inputs ``(n, *shape)``; torch and onnxruntime are compared on
            1, 3 and 17 of them.
        precision: ``float32``; ``dynamic-int8`` for int8 weights; ``int8`` for int8 weights and
            activations.
        calibration: real inputs that the ranges of ``int8`` are taken from; by default
            ``samples``.

    Raises:
        SpecError: no such precision.
        ExportError: too few samples, a net that torch cannot export, weights that did not become
            int8, or answers that are not finite or differ by more than ``TOLERANCES`` allows.
    """
    check_request(samples, precision)
    content = _exported(module.eval(), samples[:2].copy())
    _compare(module, content, samples, TOLERANCES["float32"])
    if precision in _QUANTISERS:
        ranges = samples if calibration is None else calibration
        content = _QUANTISERS[precision](content, ranges)
        _compare(module, content, samples, TOLERANCES[precision])
    return content


def _exported(module: nn.Module, example: Samples) -> bytes:
    try:
        with quiet():
            program = torch.onnx.export(
                module,
                (torch.from_numpy(example),),
                dynamo=True,
                verbose=False,
                opset_version=OPSET,
                input_names=["input"],
                output_names=["output"],
                dynamic_shapes=({0: torch.export.Dim("batch")},),
            )
    except Exception as error:  # the exporter's errors share no public base
        raise ExportError(
            f"torch cannot export this {type(module).__name__} with a free batch size: "
            f"{str(error).splitlines()[0] if str(error) else error!r}"
        ) from error
    assert program is not None
    content: bytes = slim(program.model_proto).SerializeToString()
    return content


def _compare(module: nn.Module, content: bytes, samples: Samples, tolerance: float) -> None:
    try:
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own errors share no public base
        raise ExportError(f"onnxruntime does not load the exported net: {error}") from error
    check_parity(module, lambda values: session.run(None, {"input": values})[0], samples, tolerance)
