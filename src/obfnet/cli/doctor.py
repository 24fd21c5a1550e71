"""``obfnet doctor``: what is installed, what is missing, and how to get it."""

from __future__ import annotations

import platform
import re
from importlib.metadata import PackageNotFoundError, requires, version

import typer

from obfnet.data.folders import cache_folder, local_folders
from obfnet.threads import available

_REQUIREMENT = r"(?P<name>[\w.-]+).*extra == ['\"](?P<extra>\w+)['\"]"

#: What each extra is for, in a user's words.
EXTRAS = {
    "edge": "obfuscate and send on a device",
    "serve": "run the embedded backend",
    "forge": "train, forge, audit and bundle",
    "audio": "spoken digits",
    "cli": "this command line",
}


def doctor() -> None:
    """Say what is installed, what is missing, and how to get it."""
    typer.echo(f"obfnet {version('obfnet')}, Python {platform.python_version()}")
    typer.echo(f"{available()} threads for this process ({platform.machine()})")
    healthy = True
    for extra, purpose in EXTRAS.items():
        missing = [name for name in _packages(extra) if _version(name) is None]
        healthy &= not missing
        typer.echo(f"  {'missing' if missing else 'ready  '}  {extra:6} {purpose}")
        for name in missing:
            typer.echo(f"           lacks {name}: pip install 'obfnet[{extra}]'")
    typer.echo(f"  data     local: {', '.join(map(str, local_folders())) or 'none'}")
    typer.echo(f"           fetched when needed into {cache_folder()}")
    raise typer.Exit(0 if healthy else 1)


def _packages(extra: str) -> list[str]:
    """Names of the packages that ``extra`` asks for."""
    wanted = (re.match(_REQUIREMENT, line) for line in requires("obfnet") or [])
    return [found["name"] for found in wanted if found and found["extra"] == extra]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
