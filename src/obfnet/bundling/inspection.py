"""What any artefact of this package is, by what stands in its folder or name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from obfnet.bundling.description import describe_bundle
from obfnet.errors import SpecError
from obfnet.forging.description import describe_forge, describe_infnet
from obfnet.nets.onnx_description import describe_onnx

Describe = Callable[[Path], dict[str, Any]]

#: The file that makes a folder one of a kind.
_FOLDERS: dict[str, Describe] = {"forge.json": describe_forge, "infnet.json": describe_infnet}


def inspect(path: Path) -> dict[str, Any]:
    """What ``path`` is, as plain JSON-ready facts.

    Args:
        path: a forge's folder, a trained InfNet's, a bundle, or an ONNX file (``.onnx``).

    Raises:
        SpecError: nothing is there, or nothing of these.
        ForgeError, BundleRejectedError: it is damaged.
    """
    if path.is_dir():
        for name, describe in _FOLDERS.items():
            if (path / name).exists():
                return {"path": str(path), **describe(path)}
        raise SpecError(f"{path} holds none of {', '.join(_FOLDERS)}: not a folder of obfnet")
    if not path.exists():
        raise SpecError(f"there is no {path}: give a folder of 'forge' or 'train', or a file")
    found = describe_onnx(path) if path.suffix == ".onnx" else describe_bundle(path)
    return {"path": str(path), **found}
