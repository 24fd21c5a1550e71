"""The folder of models: ``<model>/<version>/model.onnx``, as Triton lays it out too."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from obfnet.errors import ModelLoadError, ModelNotFoundError
from obfnet.serving.model import OnnxModel, load_model

Repository = Mapping[str, Mapping[int, OnnxModel]]


def load_repository(folder: Path) -> Repository:
    """Every version of every model in ``folder``, by name and version.

    Args:
        folder: holds one folder a model, in it one folder a version, named 1 or greater;
            everything else in it is left alone.

    Raises:
        ModelLoadError: no models, or one that cannot be loaded.
    """
    models: dict[str, dict[int, OnnxModel]] = {}
    for path in sorted(folder.glob("*/*/model.onnx")):
        version, name = path.parent.name, path.parent.parent.name
        if version.isascii() and version.isdigit() and str(int(version)) == version != "0":
            models.setdefault(name, {})[int(version)] = load_model(path, name, int(version))
    if not models:
        raise ModelLoadError(
            f"no models in {folder}, expected <model>/<version>/model.onnx with a version "
            "of 1 or greater: put one there, or give another folder"
        )
    return models


def find_model(repository: Repository, name: str, version: str | None) -> OnnxModel:
    """The model of this name, its highest version if ``version`` is None.

    Raises:
        ModelNotFoundError: no such model or version.
    """
    versions = repository.get(name)
    if versions is None:
        raise ModelNotFoundError(f"no model {name!r}; there are {', '.join(sorted(repository))}")
    if version is None:
        return versions[max(versions)]
    for number, model in versions.items():
        if str(number) == version:
            return model
    raise ModelNotFoundError(
        f"model {name!r} has no version {version!r}; it has {', '.join(map(str, sorted(versions)))}"
    )
