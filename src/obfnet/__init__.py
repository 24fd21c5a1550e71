"""Remote inference on obfuscated samples, with a model that never changes.

Five lines::

    infnet = obfnet.freeze(model)
    fleet  = obfnet.forge(infnet, data, devices=3, size=8, mechanism="codebook")
    report = obfnet.audit(fleet[0], infnet, data)
    bundle = obfnet.bundle(fleet[0])
    label  = obfnet.EdgeClient(bundle, url).infer(x)

Names are loaded when first used, so that a device never loads torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from obfnet.errors import MissingExtraError, ObfNetError

if TYPE_CHECKING:
    from obfnet.auditing.audit import audit
    from obfnet.bundling.pack import bundle
    from obfnet.data.dataset import Dataset
    from obfnet.data.loading import load
    from obfnet.data.splits import split
    from obfnet.edge.async_client import AsyncEdgeClient
    from obfnet.edge.client import EdgeClient
    from obfnet.forging.fleet import forge
    from obfnet.forging.loop import Schedule
    from obfnet.nets.budget import Budget
    from obfnet.nets.frozen import freeze
    from obfnet.specs import SampleSpec

__version__ = "0.1.0"

__all__ = [
    "AsyncEdgeClient",
    "Budget",
    "Dataset",
    "EdgeClient",
    "ObfNetError",
    "SampleSpec",
    "Schedule",
    "audit",
    "bundle",
    "forge",
    "freeze",
    "load",
    "split",
]

#: Where each public name lives, and the extra that brings what it needs.
_PUBLIC = {
    "AsyncEdgeClient": ("obfnet.edge.async_client", "edge"),
    "Budget": ("obfnet.nets.budget", "forge"),
    "Dataset": ("obfnet.data.dataset", "forge"),
    "EdgeClient": ("obfnet.edge.client", "edge"),
    "SampleSpec": ("obfnet.specs", "edge"),
    "Schedule": ("obfnet.forging.loop", "forge"),
    "audit": ("obfnet.auditing.audit", "forge"),
    "bundle": ("obfnet.bundling.pack", "forge"),
    "forge": ("obfnet.forging.fleet", "forge"),
    "freeze": ("obfnet.nets.frozen", "forge"),
    "load": ("obfnet.data.loading", "forge"),
    "split": ("obfnet.data.splits", "forge"),
}


def __getattr__(name: str) -> object:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'obfnet' has no attribute {name!r}")
    module, extra = _PUBLIC[name]
    try:
        found: object = getattr(import_module(module), name)
        return found
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("obfnet"):
            raise
        raise MissingExtraError(
            f"obfnet.{name} needs {error.name}, which is not installed: "
            f"pip install 'obfnet[{extra}]'"
        ) from error
