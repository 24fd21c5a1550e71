"""Runs alone, in LitServe's environment: ``litserve_server.py REPOSITORY HOST PORT``."""

import sys
from pathlib import Path
from typing import Any

import litserve
import numpy as np
from onnx_session import OnnxSession

MAX_BATCH = 64


class Model(litserve.LitAPI):  # type: ignore[misc] # known in its environment only
    """The newest version of one model; rows of requests that wait run together."""

    def __init__(self, folder: Path) -> None:
        super().__init__(max_batch_size=MAX_BATCH, api_path=f"/v2/models/{folder.name}/infer")
        newest = max(folder.glob("[1-9]*"), key=lambda version: int(version.name))
        self._path = str(newest / "model.onnx")

    def setup(self, device: str) -> None:
        """Load the model, in the worker."""
        self._session = OnnxSession(self._path)

    # A parameter with another type than a request's would be looked for in the query.
    def decode_request(self, request) -> Any:  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN401
        """One row."""
        tensor = request["inputs"][0]
        dtype = self._session.inputs[0].dtype
        return np.asarray(tensor["data"], dtype).reshape(tensor["shape"])

    def batch(self, inputs: list[Any]) -> Any:  # noqa: ANN401
        """Rows of all who wait."""
        return np.concatenate(inputs)

    def unbatch(self, output: Any) -> list[Any]:  # noqa: ANN401
        """Everybody's own row."""
        return [row[None] for row in output]

    def predict(self, batch: Any) -> Any:  # noqa: ANN401
        """Run the model."""
        name = self._session.inputs[0].name
        return self._session.run({name: batch})[self._session.outputs[0].name]

    def encode_response(self, output: Any) -> Any:  # noqa: ANN401
        """The row as the protocol has it."""
        described = self._session.outputs[0]
        tensor = {
            "name": described.name,
            "datatype": described.datatype,
            "shape": list(output.shape),
            "data": output.ravel().tolist(),
        }
        return {"model_name": Path(self._path).parents[1].name, "outputs": [tensor]}


def main(repository: str, host: str, port: str) -> None:
    """Serve every model."""
    models = [Model(folder) for folder in Path(repository).iterdir() if folder.is_dir()]
    server = litserve.LitServer(
        models, accelerator="cpu", healthcheck_path="/v2/health/ready", track_requests=False
    )

    def ready(model: str) -> dict[str, object]:
        return {"name": model, "ready": True}

    server.app.add_api_route("/v2/models/{model}/ready", ready)
    server.run(host=host, port=int(port), generate_client_file=False, log_level="warning")


if __name__ == "__main__":
    main(*sys.argv[1:])
