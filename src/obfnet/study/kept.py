"""Finished stages of a run, kept on disk under the digest of all they were made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from obfnet import files
from obfnet.progress import say

T = TypeVar("T")


def key(**inputs: object) -> str:
    """A short digest of named inputs, for a file name."""
    plain = json.dumps(inputs, sort_keys=True, default=repr)
    return hashlib.sha256(plain.encode()).hexdigest()[:12]


def kept(
    path: Path, make: Callable[[], T], dump: Callable[[T], bytes], load: Callable[[bytes], T]
) -> T:
    """What ``path`` holds if it is there and whole, else what ``make`` makes, written to it."""
    if path.exists():
        try:
            found = load(path.read_bytes())
        except Exception as error:  # each format has errors of its own for a damaged file
            say(f"  {path.name} is damaged ({type(error).__name__}); made again")
        else:
            say(f"  kept from an earlier run: {path.name}")
            return found
    made = make()
    files.write(path, dump(made))
    return made
