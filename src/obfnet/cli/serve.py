"""``obfnet serve``: the embedded backend."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def serve(
    repository: Annotated[Path, typer.Argument(help="folder of MODEL/VERSION/model.onnx")],
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="TCP port, 0 for any free one")] = 8000,
) -> None:
    """Serve ONNX models over the Open Inference Protocol v2 until stopped."""
    from obfnet.serving.launch import run
    from obfnet.serving.settings import Settings

    run(Settings(repository, host=host, port=port))
