"""What the figures of a run are made by: the source and the packages, as one digest."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

import obfnet

#: Rooms whose code has no part in what a stage makes.
_BYSTANDERS = ("cli", "serving", "wire")
#: Packages that have.
_PACKAGES = ("torch", "numpy", "onnx", "onnxruntime", "onnxscript", "scikit-learn")


@cache
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
