"""ONNX with a free batch size, handed out only if it answers as the original does."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import onnxruntime
import torch
from torch import nn

from obfnet.errors import ExportError
from obfnet.specs import Samples

OPSET = 18
BATCHES = (1, 3, 17)
TOLERANCE = 1e-4


def export_onnx(module: nn.Module, samples: Samples) -> bytes:
    """Export ``module`` as ONNX with input ``input`` and output ``output``.

    Args:
        module: maps ``(n, *shape)`` float32 to ``(n, ...)``; exported in eval mode.
        samples: at least 17 real inputs ``(n, *shape)``; torch and onnxruntime are compared on
            1, 3 and 17 of them.

    Raises:
        ExportError: too few samples, a net that torch cannot export, or answers that are not
            finite or differ by more than ``TOLERANCE`` of the largest one.
    """
    if len(samples) < max(BATCHES):
        raise ExportError(f"the parity check needs {max(BATCHES)} real samples, got {len(samples)}")
    module.eval()
    example = torch.from_numpy(samples[:2].copy())
    try:
        with _quiet():
            program = torch.onnx.export(
                module,
                (example,),
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
    content: bytes = program.model_proto.SerializeToString()
    _compare(module, content, samples)
    return content


def _compare(module: nn.Module, content: bytes, samples: Samples) -> None:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    for batch in BATCHES:
        with torch.inference_mode():
            wanted = module(torch.from_numpy(samples[:batch].copy())).numpy()
        (found,) = session.run(None, {"input": samples[:batch]})
        scale = max(1.0, float(np.abs(wanted).max()))
        # Written so that NaN, which is greater than nothing, is refused as well.
        close = found.shape == wanted.shape and np.abs(found - wanted).max() <= TOLERANCE * scale
        if not close:
            raise ExportError(
                f"at batch {batch} the exported net gives shape {found.shape} and differs from "
                f"the original by more than {TOLERANCE * scale:g}; it was not written"
            )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's chatter about its own internals off the user's terminal."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
