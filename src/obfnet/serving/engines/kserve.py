"""KServe's SDK server with a model class (``inside/kserve_server.py``); it has no versions."""

from __future__ import annotations

import json

from obfnet import files
from obfnet.serving.engines.engine import Command, Engine, Place, put
from obfnet.serving.engines.models import load_models

_CONFIGURATION = "server.json"


def prepare(place: Place) -> None:
    """Write the server, its model class and which files to serve: each model's newest version.

    Raises:
        ModelLoadError: a model that cannot be served.
    """
    models = [
        (name, str(newest), str(place.repository / name / str(newest) / "model.onnx"))
        for name, versions in load_models(place.repository).items()
        for newest in (max(versions),)
    ]
    told = {"host": place.host, "port": place.port, "models": models}
    files.write(place.folder / _CONFIGURATION, json.dumps(told))
    put("kserve_server.py", place.folder / "kserve_server.py")
    put("onnx_session.py", place.folder / "onnx_session.py")


def command(place: Place) -> Command:
    """The server that ``prepare`` wrote, told what it wrote."""
    return Command(
        (
            str(place.python),
            str(place.folder / "kserve_server.py"),
            str(place.folder / _CONFIGURATION),
        ),
        folder=place.folder,
    )


KSERVE = Engine("kserve", "KServe SDK 0.21.0", prepare, command)
