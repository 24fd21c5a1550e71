"""The servers that are measured side by side: how each starts and what it takes up."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

import obfnet
from obfnet.data.folders import cache_folder
from obfnet.serving.engines.engine import Engine
from obfnet.serving.engines.environment import environment, install, packages, python_of
from obfnet.serving.engines.running import running_engine
from obfnet.serving.engines.table import ENGINES
from obfnet.serving.process import running
from obfnet.serving.settings import Settings
from obfnet.study.litserve import LITSERVE

_MARK = "OBFNET_BENCH"
#: Our own watcher of an engine is none of its parts; pip and what it needs made it only.
_GUARD = b"guard.py"
_TOOLS = ("pip", "setuptools", "pkg_resources", "_distutils_hack")


@dataclass(frozen=True)
class Subject:
    """A server to measure.

    Args:
        name: in plain words.
        binary: whether its REST takes and gives tensors as bytes.
        serve: serves a repository while inside; gives its URL.
        bytes: what is installed for it, without Python itself.
    """

    name: str
    binary: bool
    serve: Callable[[Path], AbstractContextManager[str]]
    bytes: Callable[[], int]


@contextmanager
def marked() -> Iterator[Callable[[], int]]:
    """Gives what counts the memory of all processes started inside, in bytes.

    Found by a variable that they inherit: some engines' processes have left their parents.
    A page that several of them share counts once.
    """
    value = secrets.token_hex(16)
    os.environ[_MARK] = value
    try:
        yield partial(_memory, f"{_MARK}={value}".encode())
    finally:
        del os.environ[_MARK]


def _memory(mark: bytes) -> int:
    total = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            variables = (process / "environ").read_bytes().split(b"\0")
            if mark in variables and _GUARD not in (process / "cmdline").read_bytes():
                total += _proportional(process / "smaps_rollup")
        except OSError:  # it has ended
            continue
    return total


def _proportional(path: Path) -> int:
    for line in path.read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def subjects() -> tuple[Subject, ...]:
    """Our own server, then every engine."""
    others = (*ENGINES.values(), LITSERVE)
    return (
        Subject("embedded", True, _embedded, _own_bytes),
        *(
            Subject(each.name, each.binary, partial(_engine, each), partial(_engine_bytes, each))
            for each in others
        ),
    )


def _folder() -> Path:
    return cache_folder() / "engines"


def _embedded(repository: Path) -> AbstractContextManager[str]:
    return running(Settings(repository, port=0))


@contextmanager
def _engine(engine: Engine, repository: Path) -> Iterator[str]:
    install(_folder(), engine.name)
    with running_engine(engine, repository, _folder()) as started:
        yield started.url


def _engine_bytes(engine: Engine) -> int:
    python = python_of(_folder(), engine.name)
    assert python.is_relative_to(environment(_folder(), engine.name))
    return _size(
        path
        for top in packages(python).iterdir()
        if top.name.split("-")[0] not in _TOOLS
        for path in (top.rglob("*") if top.is_dir() else [top])
    )


def _own_bytes() -> int:
    """This package with what ``obfnet[serve]`` asks for, and what that asks for."""
    found: dict[str, Distribution] = {}
    waiting = [Requirement("obfnet[serve]")]
    while waiting:
        wanted = waiting.pop()
        each = distribution(wanted.name)
        found[wanted.name.lower()] = each
        for text in each.requires or ():
            needed = Requirement(text)
            asked = not needed.marker or any(
                needed.marker.evaluate({"extra": extra}) for extra in ("", *wanted.extras)
            )
            if asked and needed.name.lower() not in found:
                waiting.append(needed)
    del found["obfnet"]  # installed in place here
    paths = [Path(str(file.locate())) for each in found.values() for file in each.files or ()]
    return _size(paths) + _size(Path(obfnet.__file__).parent.rglob("*.py"))


def _size(paths: Iterator[Path] | list[Path]) -> int:
    return sum(
        path.lstat().st_size for path in paths if path.is_file() and "__pycache__" not in path.parts
    )
