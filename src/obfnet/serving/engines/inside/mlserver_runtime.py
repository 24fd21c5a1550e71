"""MLServer's inference runtime of an ONNX model; MLServer answers 400 to an ``InferenceError``."""

from __future__ import annotations

from typing import Any

from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.errors import InferenceError
from mlserver.types import InferenceRequest, InferenceResponse, MetadataTensor, ResponseOutput
from onnx_session import Described, OnnxSession


class OnnxRuntime(MLModel):  # type: ignore[misc] # MLServer's is not typed here
    """The model that ``parameters.uri`` names, described by its file."""

    async def load(self) -> bool:
        """Open the file and take names, types and shapes from it."""
        self.session = OnnxSession(self.settings.parameters.uri)
        self.inputs = list(map(_metadata, self.session.inputs))
        self.outputs = list(map(_metadata, self.session.outputs))
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Run the model once for this request."""
        try:
            given = {each.name: NumpyCodec.decode_input(each) for each in payload.inputs}
            wanted = self.session.wanted([each.name for each in payload.outputs or ()])
            outputs = self.session.run(given)
        except (TypeError, ValueError, OverflowError) as error:  # numpy's of data that misfit
            raise InferenceError(str(error)) from error
        return InferenceResponse(
            model_name=self.name,
            model_version=self.version,
            outputs=[_output(each, outputs[each.name]) for each in wanted],
        )


def _output(tensor: Described, array: Any) -> ResponseOutput:  # noqa: ANN401
    """The tensor as it is; MLServer's own codec would give one of one axis a second one."""
    return ResponseOutput(
        name=tensor.name,
        datatype=tensor.datatype,
        shape=list(array.shape),
        data=array.ravel().tolist(),
    )


def _metadata(tensor: Described) -> MetadataTensor:
    return MetadataTensor(name=tensor.name, datatype=tensor.datatype, shape=list(tensor.shape))
