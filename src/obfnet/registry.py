"""Find parts by name; built-in and third-party parts register through the same entry points."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

from obfnet.errors import UnknownNameError

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


def names(group: str) -> list[str]:
    """Names registered in ``group`` (one of ``GROUPS``), sorted."""
    return sorted(entry.name for entry in entry_points(group=f"obfnet.{group}"))


def find(group: str, name: str) -> Callable[..., Any]:
    """The factory registered as ``name`` in ``group``.

    Raises:
        UnknownNameError: nothing of that name is registered.
    """
    for entry in entry_points(group=f"obfnet.{group}", name=name):
        factory: Callable[..., Any] = entry.load()
        return factory
    raise UnknownNameError(f"no {group[:-1]} {name!r}; registered: {', '.join(names(group))}")
