"""Folders on this machine that hold datasets, and the cache for what was fetched or computed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from obfnet.errors import DataUnavailableError


def local_folders() -> list[Path]:
    """Folders to look in before any network is used.

    ``OBFNET_DATA`` if it is set. Otherwise ``../shared/data`` beside the current folder or beside
    this repository, where people who develop obfnet keep their data.

    Raises:
        DataUnavailableError: ``OBFNET_DATA`` names something that is not a folder.
    """
    named = os.environ.get("OBFNET_DATA")
    if named:
        folder = Path(named).expanduser()
        if not folder.is_dir():
            raise DataUnavailableError(
                f"OBFNET_DATA is {named!r}, which is not a folder; correct it or unset it"
            )
        return [folder]
    repository = Path(__file__).resolve().parents[3]
    beside = dict.fromkeys(p.parent / "shared" / "data" for p in (Path.cwd(), repository))
    return [folder for folder in beside if folder.is_dir()]


def cache_folder() -> Path:
    """``OBFNET_CACHE`` if it is set, otherwise ``obfnet`` in the platform's user cache."""
    named = os.environ.get("OBFNET_CACHE")
    if named:
        return Path(named).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "obfnet"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "obfnet"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "obfnet"
