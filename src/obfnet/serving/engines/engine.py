"""What an engine is to us: an environment to install, a configuration to write, a command."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from obfnet import files


@dataclass(frozen=True)
class Place:
    """Where an engine is to run.

    Args:
        python: the Python of the engine's own environment.
        repository: absolute path of our ``<model>/<version>/model.onnx``.
        folder: absolute path of an empty folder for the engine's configuration.
        host: address to listen on.
        port: of HTTP; gRPC takes the next one, metrics the one after.
    """

    python: Path
    repository: Path
    folder: Path
    host: str
    port: int


@dataclass(frozen=True)
class Command:
    """A process to start.

    Args:
        arguments: the program and what it is told.
        environment: variables it gets besides those of this process.
        folder: that it starts in; a temporary one by default.
        leftovers: pattern of the files that it leaves outside its folder when it is killed.
    """

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    leftovers: str = ""


@dataclass(frozen=True)
class Engine:
    """A model server that others have made.

    Args:
        name: what the command line calls it; ``pins/NAME.txt`` is its whole environment.
        title: what its makers call it, with the version.
        prepare: writes the configuration for a ``Place``.
        command: what starts it there.
        binary: whether its REST takes and gives tensors as bytes.
        grpc: whether it speaks gRPC as well.
    """

    name: str
    title: str
    prepare: Callable[[Place], None]
    command: Callable[[Place], Command]
    binary: bool = True
    grpc: bool = True


def put(name: str, path: Path) -> None:
    """Copy ``inside/NAME``, which an engine runs in its own environment, to ``path``."""
    files.write(path, (Path(__file__).parent / "inside" / name).read_bytes())
