"""MLServer with a custom runtime (``inside/mlserver_runtime.py``), all in its main process.

Its adaptive batching stays off: it joins requests before anybody has looked at them, so that one
of another shape would fail its neighbours.
"""

from __future__ import annotations

import json

from obfnet import files
from obfnet.serving.engines.engine import Command, Engine, Place, put
from obfnet.serving.engines.models import load_models


def prepare(place: Place) -> None:
    """Write the server's and every version's settings, and the runtime.

    Raises:
        ModelLoadError: a model that cannot be served.
    """
    server = {
        "host": place.host,
        "http_port": place.port,
        "grpc_port": place.port + 1,
        "metrics_port": place.port + 2,
        "parallel_workers": 0,
        "debug": False,
    }
    files.write(place.folder / "settings.json", json.dumps(server))
    for name, versions in load_models(place.repository).items():
        for version in versions:
            model = {
                "name": name,
                "implementation": "mlserver_runtime.OnnxRuntime",
                "platform": "onnxruntime_onnx",
                "versions": list(map(str, sorted(versions))),
                "parameters": {
                    "uri": str(place.repository / name / str(version) / "model.onnx"),
                    "version": str(version),
                },
            }
            folder = place.folder / name / str(version)
            files.write(folder / "model-settings.json", json.dumps(model))
    put("mlserver_runtime.py", place.folder / "mlserver_runtime.py")
    put("onnx_session.py", place.folder / "onnx_session.py")


def command(place: Place) -> Command:
    """MLServer over what ``prepare`` wrote, which names its ports."""
    return Command(
        (
            str(place.python),
            "-c",
            "from mlserver.cli import main; main()",
            "start",
            str(place.folder),
        ),
        folder=place.folder,
    )


MLSERVER = Engine("mlserver", "MLServer 1.7.1", prepare, command, binary=False)
