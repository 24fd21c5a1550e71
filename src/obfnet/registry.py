"""Find parts by name; built-in and third-party parts register through the same entry points."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from obfnet.errors import UnknownNameError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

GROUPS = (
    "datasets",
    "infnets",
    "pretrained",
    "obfnets",
    "encoders",
    "decoders",
    "mechanisms",
    "terms",
    "attacks",
    "probes",
    "examinations",
)

#: What a device looks up at every start, as registered: found without reading what every installed
#: package registers, which takes a third of that start. No package can take the place of one.
ON_DEVICES: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("mechanisms", "none"): "obfnet.mechanisms.none:NoMechanism",
        ("mechanisms", "bits"): "obfnet.mechanisms.bits:Bits",
        ("mechanisms", "codebook"): "obfnet.mechanisms.codebook:Codebook",
        ("mechanisms", "gaussian"): "obfnet.mechanisms.gaussian:Gaussian",
        ("mechanisms", "randomised-bits"): "obfnet.mechanisms.randomised_bits:RandomisedBits",
        (
            "mechanisms",
            "randomised-codebook",
        ): "obfnet.mechanisms.randomised_codebook:RandomisedCodebook",
    }
)


def names(group: str) -> list[str]:
    """Names registered in ``group`` (one of ``GROUPS``), sorted."""
    return sorted(entry.name for entry in _registered(group))


def find(group: str, name: str) -> Callable[..., Any]:
    """The factory registered as ``name`` in ``group``.

    Raises:
        UnknownNameError: nothing of that name is registered.
    """
    factory: Callable[..., Any]
    if (group, name) in ON_DEVICES:
        module, _, attribute = ON_DEVICES[group, name].partition(":")
        factory = getattr(import_module(module), attribute)
        return factory
    for entry in _registered(group).select(name=name):
        factory = entry.load()
        return factory
    raise UnknownNameError(f"no {group[:-1]} {name!r}; registered: {', '.join(names(group))}")


def _registered(group: str) -> EntryPoints:
    from importlib.metadata import entry_points

    return entry_points(group=f"obfnet.{group}")
