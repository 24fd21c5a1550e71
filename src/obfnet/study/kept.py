"""Finished stages of a run, kept on disk under the digest of all they were made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import obfnet
from obfnet import files
from obfnet.data.dataset import Dataset
from obfnet.progress import say

T = TypeVar("T")

#: Rooms whose code decides what a stage makes.
_MAKERS = ("data", "nets", "mechanisms", "forging", "auditing", "bundling", "edge")


def code_digest() -> str:
    """SHA-256 over the source files that stages are made by."""
    root = Path(obfnet.__file__).parent
    total = hashlib.sha256()
    for room in _MAKERS:
        for path in sorted((root / room).rglob("*.py")):
            total.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return total.hexdigest()


def data_digest(data: Dataset) -> str:
    """SHA-256 over a dataset's name, samples, labels and attributes."""
    total = hashlib.sha256(data.name.encode())
    for values in (data.labels, *data.attributes.values()):
        total.update(values.tobytes())
    total.update(data.samples.tobytes())
    return total.hexdigest()


def key(**inputs: object) -> str:
    """A short digest of named inputs, for a file name."""
    plain = json.dumps(inputs, sort_keys=True, default=repr)
    return hashlib.sha256(plain.encode()).hexdigest()[:12]


def kept(
    path: Path, make: Callable[[], T], dump: Callable[[T], bytes], load: Callable[[bytes], T]
) -> T:
    """What ``path`` holds if it is there, else what ``make`` makes, written whole to ``path``."""
    if path.exists():
        say(f"  kept from an earlier run: {path.name}")
        return load(path.read_bytes())
    made = make()
    files.write(path, dump(made))
    return made
