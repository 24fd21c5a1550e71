"""Each engine in a virtual environment of its own, as their pins fight.

An environment is exactly what ``pins/NAME.txt`` lists, so nothing is resolved and a year from now
the same is installed. Its folder is named after the list: other pins, another environment.
"""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from obfnet import files
from obfnet.errors import EngineMissingError, StorageError
from obfnet.progress import bar, say

_READY = "installed"  # written last: an environment without it is taken up again
_LAST_LINES = 10


def environment(folder: Path, name: str) -> Path:
    """Where the environment of the engine ``name`` is, or would be, below ``folder``."""
    digest = hashlib.sha256(_pins(name).read_bytes() + sys.version.encode()).hexdigest()[:12]
    return folder / f"{name}-{digest}"


def is_installed(folder: Path, name: str) -> bool:
    """Whether the environment of the engine ``name`` is there and whole."""
    made = environment(folder, name)
    return (made / _READY).exists() and (made / "bin" / "python").exists()


def python_of(folder: Path, name: str) -> Path:
    """The Python of the engine's environment.

    Raises:
        EngineMissingError: it is not installed.
    """
    if not is_installed(folder, name):
        raise EngineMissingError(
            f"the engine {name!r} is not installed in {folder}: run obfnet engine install {name}"
        )
    return environment(folder, name) / "bin" / "python"


def packages(python: Path) -> Path:
    """The folder that holds the packages of the environment of ``python``."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return python.parents[1] / "lib" / version / "site-packages"


def install(folder: Path, name: str) -> Path:
    """Make the environment of the engine ``name``, or what is missing of it; returns its Python.

    Does nothing if it is whole. What pip has fetched or installed before a failure is used again.

    Args:
        folder: of all environments; made if missing.
        name: one that has pins.

    Raises:
        EngineMissingError: it could not be made; quotes the last lines of pip.
        StorageError: the disk is full or the folder cannot be written.
    """
    target = environment(folder, name)
    with _alone(target):
        if not is_installed(folder, name):
            say(f"installing {name} into {target}")
            pip = (target / "bin" / "python", "-m", "pip", "install", "--disable-pip-version-check")
            with bar(f"installing {name}", None):
                if not (target / "bin" / "pip").exists():  # which venv makes last
                    _run(name, sys.executable, "-m", "venv", target)
                _run(name, *pip, "--no-input", "--no-deps", "--requirement", _pins(name))
            files.write(target / _READY, "")
    return python_of(folder, name)


def _run(name: str, *command: str | Path) -> None:
    found = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if found.returncode:
        lines = found.stdout.decode(errors="replace").splitlines()[-_LAST_LINES:]
        raise EngineMissingError(
            "\n".join(
                [
                    f"the engine {name!r} could not be installed; run obfnet engine install {name} "
                    "again once its cause is gone, it continues. The last lines of pip:",
                    *lines,
                ]
            )
        )


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """One process at a time makes an environment; another waits, and finds it made."""
    lock = target.with_suffix(".lock")
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        file = lock.open("w")
    except OSError as error:
        raise StorageError(
            f"could not write {lock} ({error.strerror or error}): free some space or set "
            "OBFNET_CACHE to another folder"
        ) from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)  # ends with the file, or with the process
        yield


def _pins(name: str) -> Path:
    return Path(__file__).parent / "pins" / f"{name}.txt"
