"""Finished stages of a run, kept on disk under the digest of all they were made from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import obfnet
from obfnet import files
from obfnet.progress import say

T = TypeVar("T")

#: Rooms whose code has no part in what a stage makes.
_BYSTANDERS = ("cli", "serving", "wire")
#: Packages that have.
_PACKAGES = ("torch", "numpy", "onnx", "onnxruntime", "onnxscript", "scikit-learn")


def code_digest() -> str:
    """SHA-256 over the source files and package versions that stages are made by."""
    root = Path(obfnet.__file__).parent
    total = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root)
        if name.parts[0] not in _BYSTANDERS:
            total.update(name.as_posix().encode() + path.read_bytes())
    for package in _PACKAGES:
        total.update(f"{package} {version(package)}".encode())
    return total.hexdigest()


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
