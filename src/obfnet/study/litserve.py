"""LitServe, to be measured beside the engines; its protocol is shaped for that, JSON only."""

from __future__ import annotations

from pathlib import Path

from obfnet import files
from obfnet.serving.engines.engine import Command, Engine, Place, put


def prepare(place: Place) -> None:
    """Write the server (``litserve_server.py``) and what it loads a model with."""
    server = Path(__file__).with_name("litserve_server.py")
    files.write(place.folder / "litserve_server.py", server.read_bytes())
    put("onnx_session.py", place.folder / "onnx_session.py")


def command(place: Place) -> Command:
    """LitServe on ``place.port``."""
    server = str(place.folder / "litserve_server.py")
    where = (str(place.repository), place.host, str(place.port))
    return Command((str(place.python), server, *where), folder=place.folder)


LITSERVE = Engine("litserve", "LitServe 0.2.19", prepare, command, binary=False, grpc=False)
