"""A small model server: ONNX files behind Open Inference Protocol v2 (REST), nothing else.

    with running(Settings(Path("models"), port=0)) as url:  # a process of its own
        ...

Give Triton, KServe or another engine the same folder when one process is not enough. What needs
the extra is loaded when first used, so that a command line without it can show the settings.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from obfnet.serving.settings import Settings

if TYPE_CHECKING:
    from obfnet.serving.app import create_app
    from obfnet.serving.launch import run
    from obfnet.serving.process import running

__all__ = ["Settings", "create_app", "run", "running"]
_PUBLIC = {"create_app": "app", "run": "launch", "running": "process"}


def __getattr__(name: str) -> object:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'obfnet.serving' has no attribute {name!r}")
    found: object = getattr(import_module(f"obfnet.serving.{_PUBLIC[name]}"), name)
    return found
