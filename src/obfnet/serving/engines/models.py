"""All models of a folder, to tell an engine what there is and to check what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from obfnet.errors import ModelLoadError
from obfnet.serving.model import OnnxModel, load_model

#: Versions by number, by the name of their model.
Models = Mapping[str, Mapping[int, OnnxModel]]


def load_models(repository: Path) -> Models:
    """Every version of every model in ``repository``, ``<model>/<version>/model.onnx``.

    Raises:
        ModelLoadError: no models, or one that cannot be loaded.
    """
    models: dict[str, dict[int, OnnxModel]] = {}
    for path in sorted(repository.glob("*/*/model.onnx")):
        version, name = path.parent.name, path.parent.parent.name
        if version.isascii() and version.isdigit() and str(int(version)) == version != "0":
            models.setdefault(name, {})[int(version)] = load_model(path, name, int(version))
    if not models:
        raise ModelLoadError(
            f"no models in {repository}, expected <model>/<version>/model.onnx with a version "
            "of 1 or greater: put one there, or give another folder"
        )
    return models
