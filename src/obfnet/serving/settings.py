"""Where the backend listens and what it allows: from flags, the environment and a TOML file."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

from obfnet.errors import SpecError

PREFIX = "OBFNET_SERVE_"
_WORDS = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True)
class Settings:
    """Limits of one server; every number carries its unit.

    Args:
        repository: folder of ``<model>/<version>/model.onnx``.
        host: name or address to listen on.
        port: TCP port, 0 for any free one.
        threads: that one model may use, 0 for as many as the CPU affinity allows.
        max_body_bytes: largest request body.
        max_json_bytes: largest JSON part of a body; reading it stops everything else meanwhile.
        max_batch: rows that may run together; 1 turns batching off.
        batch_wait: seconds that requests may wait for company while several come at once.
        max_queue: requests that may wait for one model.
        timeout: seconds that a body may take to come, and then an answer to be made.
        retry_after: seconds a refused client is told to wait when a queue is full.
        drain: seconds that requests under way get to finish after a stop.
        poll: seconds between looks for new versions in the repository.
        accept_nan: whether a NaN in an input is passed to the model; otherwise it is an error.
        access_log: whether every request is logged, with its status and time.
        certificate: PEM file of the server's certificate with its chain; turns TLS on.
        key: PEM file of its private key, not encrypted; none if it is in the former.
        clients: PEM file of who issues certificates of clients, who then all need one.
        tokens: file of the bearer tokens that are let in, one a line; none lets everyone in.

    Raises:
        SpecError: a limit that nothing could satisfy.
    """

    repository: Path
    host: str = "127.0.0.1"
    port: int = 8000
    threads: int = 0
    max_body_bytes: int = 64 * 2**20
    max_json_bytes: int = 16 * 2**20
    max_batch: int = 64
    batch_wait: float = 0.0
    max_queue: int = 256
    timeout: float = 30.0
    retry_after: int = 1
    drain: int = 10
    poll: float = 1.0
    accept_nan: bool = False
    access_log: bool = False
    certificate: Path | None = None
    key: Path | None = None
    clients: Path | None = None
    tokens: Path | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.port < 2**16:
            raise SpecError(f"port is {self.port}, expected 0 to {2**16 - 1}")
        for name, least in _LEAST.items():
            if not least <= getattr(self, name) < 2**62:
                raise SpecError(f"{name} is {getattr(self, name)}, expected {least} or more")
        if self.certificate is None and (self.key or self.clients):
            raise SpecError("key or clients is set and no certificate: TLS needs all it is told of")


_LEAST = dict.fromkeys(
    ("max_body_bytes", "max_json_bytes", "max_batch", "max_queue", "retry_after", "drain"), 1
) | {"threads": 0, "batch_wait": 0, "timeout": 0.001, "poll": 0.01}
#: Each setting's type, without the None of those that may be absent.
KINDS = {name: (get_args(kind) or (kind,))[0] for name, kind in get_type_hints(Settings).items()}


def gather(
    given: Mapping[str, object], environ: Mapping[str, str] = os.environ, file: Path | None = None
) -> tuple[Settings, Mapping[str, str]]:
    """The settings, and where each that is not a default comes from.

    Args:
        given: by name, such as flags; they win over the environment, which wins over the file.
        environ: where ``OBFNET_SERVE_NAME`` is read; ``OBFNET_SERVE_CONFIG`` names a file.
        file: TOML file of names and values.

    Raises:
        SpecError: a name that is no setting, a value of another type, or no repository.
    """
    told = {k.removeprefix(PREFIX).lower(): v for k, v in environ.items() if k.startswith(PREFIX)}
    path = told.pop("config", None) if file is None else file
    layers = {str(path): _read(Path(path)) if path else {}, "environment": told, "flag": given}
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for source, layer in layers.items():
        for name, value in layer.items():
            values[name], sources[name] = _value(name, value, source), source
    if "repository" not in values:
        raise SpecError(f"no repository: give its folder, or set {PREFIX}REPOSITORY")
    return Settings(**values), sources


def as_toml(settings: Settings, sources: Mapping[str, str]) -> str:
    """The TOML file that says all of ``settings``, with where each comes from as a comment."""
    told = {each.name: getattr(settings, each.name) for each in fields(settings)}
    return "\n".join(
        f"# {name} is not set"
        if value is None
        else f"{name} = {json.dumps(value, default=str)}  # {sources.get(name, 'default')}"
        for name, value in told.items()
    )


def environment(settings: Settings) -> dict[str, str]:
    """Variables from which ``gather`` makes ``settings`` again."""
    told = {each.name: getattr(settings, each.name) for each in fields(settings)}
    return {f"{PREFIX}{name.upper()}": str(v) for name, v in told.items() if v is not None}


def _read(path: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:  # TOMLDecodeError is one
        raise SpecError(f"{path} is no TOML file of settings: {error}") from error


def _value(name: str, value: object, source: str) -> object:
    kind = KINDS.get(name)
    if kind is None:
        raise SpecError(f"{source} sets {name!r}, which is none of {', '.join(KINDS)}")
    try:
        if isinstance(value, str) or kind is Path:
            return _WORDS[str(value).lower()] if kind is bool else kind(value)
        if type(value) is kind or (kind is float and type(value) is int):
            return value
    except (ValueError, TypeError, KeyError):
        pass
    raise SpecError(f"{source} sets {name} to {value!r}, expected {kind.__name__}")
