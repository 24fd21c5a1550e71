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
        str | None, typer.Option(help="triton, kserve, mlserver or ray; our own by default")
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="HOST:PORT of a Ray cluster, for --engine ray")
    ] = None,
    write: Annotated[
        str | None, typer.Option(help="triton or kserve: write files for Kubernetes, do not serve")
    ] = None,
    out: Annotated[Path, typer.Option(help="folder for --write")] = Path("deployment"),
    storage: Annotated[
        str | None, typer.Option(help="URI of the models in the cluster, for --write kserve")
    ] = None,
) -> None:
    """Serve ONNX models over the Open Inference Protocol v2 until stopped."""
    if write is not None:
        from obfnet.serving.engines.kubernetes import write_files

        write_files(write, repository, out, storage)
        typer.echo(f"written: {out}")
        return
    if engine is not None:
        _serve_with(engine, repository, host, port, address)
        return
    from obfnet.serving.launch import run
    from obfnet.serving.settings import Settings

    run(Settings(repository, host=host, port=port))


def _serve_with(engine: str, repository: Path, host: str, port: int, address: str | None) -> None:
    from obfnet.data.folders import cache_folder
    from obfnet.errors import SpecError
    from obfnet.serving.engines.ray import ray_engine
    from obfnet.serving.engines.running import serve_with
    from obfnet.serving.engines.table import find_engine

    if address is not None and engine != "ray":
        raise SpecError(f"--address is given for {engine}, expected --engine ray")
    chosen = find_engine(engine) if address is None else ray_engine(address)
    serve_with(chosen, repository, cache_folder() / "engines", host, port)
