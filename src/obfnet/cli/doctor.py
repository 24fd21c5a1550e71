"""``obfnet doctor``: what is installed, what is missing, and how to get it."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, requires, version

import typer
from packaging.requirements import Requirement

from obfnet.data.folders import cache_folder, local_folders
from obfnet.threads import available

#: What each extra is for, in a user's words.
EXTRAS = {
    "edge": "obfuscate and send on a device",
    "serve": "run the embedded backend",
    "forge": "train, forge, audit and bundle",
    "audio": "spoken digits",
    "cli": "this command line",
}
#: Extras that nothing else needs: without them an installation is whole.
OPTIONAL = {
    "edge-litert": "run LiteRT nets on a device",
    "litert": "export nets to LiteRT",
    "ray": "forge on a cluster",
    "search": "search for an encoder",
}


def doctor() -> None:
    """Say what is installed, what is missing, and how to get it."""
    typer.echo(f"obfnet {version('obfnet')}, Python {platform.python_version()}")
    typer.echo(f"{available()} threads for this process ({platform.machine()})")
    healthy = True
    for extra, purpose in (EXTRAS | OPTIONAL).items():
        wanted = wanted_by(extra, requires("obfnet") or [])
        if not wanted:  # this version has no such extra
            continue
        misfits = [each for each in wanted if not _fits(each)]
        healthy &= not misfits or extra in OPTIONAL
        state = "ready" if not misfits else "optional" if extra in OPTIONAL else "missing"
        typer.echo(f"  {state:8} {extra:11} {purpose}")
        found = (f"{each.name} {_version(each.name)}" for each in wanted if _version(each.name))
        typer.echo(f"           {', '.join(found) or 'nothing of it is installed'}")
        for each in misfits:
            typer.echo(
                f"           lacks {each.name}{each.specifier}: pip install 'obfnet[{extra}]'"
            )
    typer.echo(f"  data     local: {', '.join(map(str, local_folders())) or 'none'}")
    typer.echo(f"           fetched when needed into {cache_folder()}")
    raise typer.Exit(0 if healthy else 1)


def wanted_by(extra: str, lines: list[str]) -> list[Requirement]:
    """What ``extra`` asks for on this platform, of the requirements in ``lines``."""
    wanted = [Requirement(line) for line in lines]
    return [
        each
        for each in wanted
        if each.marker is not None
        and each.marker.evaluate({"extra": extra})
        and not each.marker.evaluate({"extra": ""})  # what every installation has
    ]


def _fits(wanted: Requirement) -> bool:
    found = _version(wanted.name)
    return found is not None and wanted.specifier.contains(found, prereleases=True)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
