"""Keep computed features on disk under a key that names all they depend on."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from obfnet import files, progress
from obfnet.data.folders import cache_folder
from obfnet.data.sources import DAMAGED, sha256
from obfnet.errors import StorageError

Arrays = Mapping[str, Any]  # numpy arrays of several dtypes


def cached(name: str, key: str, compute: Callable[[], Arrays]) -> Arrays:
    """The arrays that ``compute`` makes, from the cache folder if they were made before.

    Args:
        name: beginning of the file's name, for people.
        key: everything the arrays depend on: raw data, parameters, versions. Another key is
            another file, so nothing is ever out of date.
        compute: makes the arrays; called if there is no file, or a damaged one, under ``key``.
    """
    path = cache_folder() / "features" / f"{name}-{sha256(key.encode())[:16]}.npz"
    if path.is_file():
        try:
            # The zip's checksums find damage; a handle of our own is closed even then.
            with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
                return dict(stored)
        except (*DAMAGED, OSError):
            progress.say(f"computing {name} again: {path} is damaged")
    arrays = compute()
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    try:
        files.write(path, buffer.getvalue())
    except StorageError as error:  # the arrays are right, only the next load is slow again
        progress.say(f"features are not kept: {error}")
    return arrays
