"""Triton's Python backend: an ONNX model, one run for all requests that came together."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as triton
from onnx_session import OnnxSession


class TritonPythonModel:
    """What the backend looks for in ``model.py``; Triton itself checks types and shapes."""

    def initialize(self, args: dict[str, str]) -> None:
        """Open the ONNX file that lies in the folder of this version."""
        folder = Path(args["model_repository"], args["model_version"])
        # Large weights stand in files beside the real one, not beside this link to it.
        self.session = OnnxSession(str((folder / "model.onnx").resolve()))
        self.joins = json.loads(args["model_config"])["max_batch_size"] > 0

    def execute(self, requests: list[Any]) -> list[Any]:
        """Each request's own rows; if they cannot run together, as each gets alone."""
        inputs = [
            {each.name: _input(request, each.name) for each in self.session.inputs}
            for request in requests
        ]
        rows = self._together(inputs) if self.joins and len(inputs) > 1 else None
        return [
            _response(request, answer)
            for request, answer in zip(requests, rows or map(self._alone, inputs), strict=True)
        ]

    def _together(self, inputs: list[dict[str, Any]]) -> list[Any] | None:
        try:
            joined = {name: np.concatenate([each[name] for each in inputs]) for name in inputs[0]}
            outputs = self.session.run(joined)
        except Exception:  # one of them spoils it; each alone will show which
            return None
        ends = np.cumsum([0, *(len(next(iter(each.values()))) for each in inputs)]).tolist()
        if any(output.shape[:1] != (ends[-1],) for output in outputs.values()):
            return None  # nobody's rows can be told
        return [
            {name: output[start:end] for name, output in outputs.items()}
            for start, end in pairwise(ends)
        ]

    def _alone(self, inputs: dict[str, Any]) -> Any:  # noqa: ANN401 - outputs, or what went wrong
        try:
            return self.session.run(inputs)
        except Exception as error:
            return error


def _input(request: Any, name: str) -> Any:  # noqa: ANN401 - the backend's own types
    return triton.get_input_tensor_by_name(request, name).as_numpy()


def _response(request: Any, answer: Any) -> Any:  # noqa: ANN401
    if isinstance(answer, Exception):
        return triton.InferenceResponse(error=triton.TritonError(str(answer)))
    return triton.InferenceResponse(
        [triton.Tensor(name, answer[name]) for name in request.requested_output_names()]
    )
