"""``obfnet serve``: the embedded backend, or an engine that others have made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def serve(
    repository: Annotated[Path, typer.Argument(help="folder of MODEL/VERSION/model.onnx")],
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="TCP port, 0 for any free one")] = 8000,
    engine: Annotated[
        str | None, typer.Option(help="triton, kserve or mlserver; our own server by default")
    ] = None,
) -> None:
    """Serve ONNX models over the Open Inference Protocol v2 until stopped."""
    if engine is not None:
        _serve_with(engine, repository, host, port)
        return
    from obfnet.serving.launch import run
    from obfnet.serving.settings import Settings

    run(Settings(repository, host=host, port=port))


def _serve_with(engine: str, repository: Path, host: str, port: int) -> None:
    from obfnet.data.folders import cache_folder
    from obfnet.serving.engines.running import serve_with
    from obfnet.serving.engines.table import find_engine

    serve_with(find_engine(engine), repository, cache_folder() / "engines", host, port)
