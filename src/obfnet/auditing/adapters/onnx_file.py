"""An ONNX file as a subject: run by onnxruntime, differentiated in torch where that agrees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

from obfnet.auditing.adapters.forged import Smooth
from obfnet.auditing.subject import Subject
from obfnet.errors import SpecError
from obfnet.nets.onnx_graph import interpret
from obfnet.nets.probes import probes
from obfnet.specs import Samples

#: Largest difference between onnxruntime and torch, relative to the largest value above one.
TOLERANCE = 1e-4
_ONLY_FATAL = 4


def of_onnx(path: Path, name: str | None = None) -> Subject:
    """An ONNX file with one float32 input and one output of the same shape.

    It runs on one thread, which survives the fork into an attack's process. A file with a fixed
    batch is run that many samples at a time.

    Raises:
        SpecError: no such file, one that onnxruntime cannot run, or not one float32 input and one
            output. Called with samples of another shape, the transform raises it too.
    """
    try:
        session = _session(path)
    except Exception as error:  # onnxruntime's errors share no public base
        raise SpecError(f"{path} cannot be run, expected an ONNX model: {error}") from error
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or len(outputs) != 1 or inputs[0].type != "tensor(float)":
        described = [(each.name, each.type, each.shape) for each in (*inputs, *outputs)]
        raise SpecError(f"{path} has {described}, expected one float32 input and one output")
    given = inputs[0]
    batch, *shape = (length if isinstance(length, int) else None for length in given.shape)

    def run(samples: Samples) -> Samples:
        return np.asarray(session.run(None, {given.name: samples})[0])

    def transform(samples: Samples) -> Samples:
        _check(path, samples, shape)
        if not batch or not len(samples):
            return run(samples)
        filled = np.concatenate([samples, np.repeat(samples[-1:], -len(samples) % batch, axis=0)])
        parts = [run(filled[start : start + batch]) for start in range(0, len(filled), batch)]
        return np.concatenate(parts)[: len(samples)]

    known = tuple(length for length in shape if length is not None)
    gradients = None
    if not batch and len(known) == len(shape):
        tried = probes(known)
        gradients = smooth_form(path.read_bytes(), tried, transform(tried))
    return Subject(name or path.stem, transform, gradients=gradients)


def smooth_form(content: bytes, tried: Samples, wanted: Samples) -> Smooth | None:
    """An ONNX model run in torch, or None where torch does not answer as onnxruntime does.

    Args:
        content: of the file.
        tried: samples ``(n, ...)`` to compare on.
        wanted: onnxruntime's answers.
    """
    try:
        form = interpret(onnx.load_model_from_string(content))
        with torch.no_grad():
            found = form(torch.from_numpy(tried)).numpy()
    except Exception:  # whatever a graph does that an operator in torch does not take
        return None
    scale = TOLERANCE * max(1.0, float(np.abs(wanted).max(initial=0)))
    if found.shape != wanted.shape or not np.abs(found - wanted).max(initial=0) <= scale:
        return None
    return form


def _session(path: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = _ONLY_FATAL
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _check(path: Path, samples: Samples, shape: list[int | None]) -> None:
    fits = len(shape) == samples.ndim - 1 and all(
        length in (None, found) for length, found in zip(shape, samples.shape[1:], strict=True)
    )
    if not fits:
        axes = ", ".join("any" if length is None else str(length) for length in shape)
        raise SpecError(
            f"{path} takes samples of shape ({axes}), the data's are {samples.shape[1:]}: give it "
            "the data it was made for"
        )
