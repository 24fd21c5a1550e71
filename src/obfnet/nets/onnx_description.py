"""What an ONNX file holds, as plain JSON-ready facts."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import onnx
import onnxruntime

from obfnet.errors import SpecError
from obfnet.nets.answers import Answers, Reading
from obfnet.nets.onnx_infnet import OnnxInfNet, file_digest

_ONLY_FATAL = 4
#: What scores may be; labels would need their number.
_TRIED: tuple[Answers, ...] = ("logits", "probabilities")


def describe_onnx(path: Path) -> dict[str, Any]:
    """What the ONNX file at ``path`` takes, gives and weighs, and whether it can be an InfNet.

    Raises:
        SpecError: there is no such file, or it is damaged.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ONLY_FATAL
    try:
        model = onnx.load(path)
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        digest = file_digest(path)
    except Exception as error:  # protobuf's and onnxruntime's errors share no public base
        raise SpecError(f"{path} cannot be read as an ONNX model: {error}") from error
    return {
        "kind": "ONNX file",
        "digest": digest,
        "bytes": path.stat().st_size,
        "inputs": [_described(each) for each in session.get_inputs()],
        "outputs": [_described(each) for each in session.get_outputs()],
        "numbers": sum(prod(each.dims) for each in model.graph.initializer),
        "nodes": len(model.graph.node),
        "opset": {each.domain or "ai.onnx": each.version for each in model.opset_import},
        "producer": f"{model.producer_name} {model.producer_version}".strip(),
        "as an InfNet": _as_infnet(path),
    }


def _described(value: onnxruntime.NodeArg) -> dict[str, Any]:
    return {"name": value.name, "type": value.type, "shape": list(value.shape)}


def _as_infnet(path: Path) -> dict[str, Any]:
    """How ``obfnet.freeze`` takes it, or why not."""
    reason = ""
    for answers in _TRIED:
        try:
            infnet = OnnxInfNet(path, Reading(answers))
        except SpecError as error:
            reason = reason or str(error)
        else:
            return {
                "answers": answers,
                "gradients": infnet.differentiable,
                "why no gradients": infnet.why_no_gradients,
            }
    return {"reason": reason}
