"""KServe's model server over ONNX models: ``kserve_server.py CONFIGURATION``.

The configuration is a JSON object of ``host``, ``port`` and ``models``, which are names, versions
and files.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

# KServe reads the command line when it is imported; what is ours is none of its business.
CONFIGURATION = json.loads(Path(sys.argv.pop()).read_text(encoding="utf-8"))

from grpc import aio  # noqa: E402
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer  # noqa: E402
from kserve.errors import InvalidInput  # noqa: E402
from onnx_session import Described, OnnxSession  # noqa: E402

GRACE_SECONDS = 2


class OnnxModel(Model):  # type: ignore[misc] # KServe's is not typed here
    """A model that is described by its file; KServe answers 400 to an ``InvalidInput``."""

    def __init__(self, name: str, version: str, path: str) -> None:
        super().__init__(name)
        self.version = version
        self.session = OnnxSession(path)
        self.ready = True

    def get_input_types(self) -> list[dict[str, Any]]:
        """What the metadata says of the inputs."""
        return list(map(_metadata, self.session.inputs))

    def get_output_types(self) -> list[dict[str, Any]]:
        """What the metadata says of the outputs."""
        return list(map(_metadata, self.session.outputs))

    async def predict(
        self, payload: InferRequest, headers: dict[str, str] | None = None
    ) -> InferResponse:
        """Run the model once for this request."""
        try:
            given = {each.name: each.as_numpy() for each in payload.inputs}
            wanted = self.session.wanted([each.name for each in payload.request_outputs or ()])
            outputs = self.session.run(given)
        except (TypeError, ValueError, OverflowError) as error:  # numpy's of data that misfit
            raise InvalidInput(str(error)) from error
        return InferResponse(
            payload.id or "",
            self.name,
            [_output(each, outputs[each.name], payload.from_grpc) for each in wanted],
            model_version=self.version,
            use_binary_outputs=payload.use_binary_outputs,
            requested_outputs=payload.request_outputs,
        )


class LocalServer(ModelServer):  # type: ignore[misc]
    """KServe's server on one address, where its own would listen on every one of the machine."""

    async def _serve(self) -> None:
        config = self._rest_server.config  # which it has not used yet
        config.host, config.access_log = CONFIGURATION["host"], False
        logging.getLogger("kserve.trace").setLevel(logging.WARNING)  # else two lines a request
        await super()._serve()


def _metadata(tensor: Described) -> dict[str, Any]:
    return {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape)}


def _output(tensor: Described, array: Any, over_grpc: bool) -> InferOutput:  # noqa: ANN401
    output = InferOutput(tensor.name, list(array.shape), tensor.datatype, array)
    if over_grpc:  # which trips over arrays; REST wants them, as it then picks the form itself
        output.set_data_from_numpy(array, binary_data=True)
    return output


def _listen_on_host_alone() -> None:
    """KServe asks gRPC for ``[::]:PORT``, every address of the machine, and cannot be told else."""
    make, host = aio.server, CONFIGURATION["host"]
    bracketed = f"[{host}]" if ":" in host else host

    def server(*arguments: Any, **named: Any) -> aio.Server:  # noqa: ANN401
        made = make(*arguments, **named)
        anywhere = made.add_insecure_port
        made.add_insecure_port = lambda address: anywhere(
            f"{bracketed}:{address.rpartition(':')[2]}"
        )
        return made

    aio.server = server


if __name__ == "__main__":
    _listen_on_host_alone()
    LocalServer(
        http_port=CONFIGURATION["port"],
        grpc_port=CONFIGURATION["port"] + 1,
        grace_period=GRACE_SECONDS,
        enable_latency_logging=False,
    ).start([OnnxModel(*each) for each in CONFIGURATION["models"]])
