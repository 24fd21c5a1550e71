"""Where the backend listens and what it allows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from obfnet.errors import SpecError


@dataclass(frozen=True)
class Settings:
    """Limits of one server; every number carries its unit.

    Args:
        repository: folder of ``<model>/<version>/model.onnx``.
        host: name or address to listen on.
        port: TCP port, 0 for any free one.
        max_body_bytes: largest request body.
        max_batch: rows that may run together; 1 turns batching off.
        max_queue: requests that may wait for one model.
        retry_after: seconds a refused client is told to wait when a queue is full.
        drain: seconds that requests under way get to finish after a stop.
        accept_nan: whether a NaN in an input is passed to the model; otherwise it is an error.

    Raises:
        SpecError: a limit that nothing could satisfy.
    """

    repository: Path
    host: str = "127.0.0.1"
    port: int = 8000
    max_body_bytes: int = 64 * 2**20
    max_batch: int = 64
    max_queue: int = 256
    retry_after: int = 1
    drain: int = 10
    accept_nan: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.port < 2**16:
            raise SpecError(f"port is {self.port}, expected 0 to {2**16 - 1}")
        for name in ("max_body_bytes", "max_batch", "max_queue", "retry_after", "drain"):
            if getattr(self, name) < 1:
                raise SpecError(f"{name} is {getattr(self, name)}, expected 1 or more")
