"""A net by its registered name and arguments: can be called, sent to a worker, and written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from obfnet.registry import find


@dataclass(frozen=True)
class Recipe:
    """Makes an untrained net; a ``Factory`` that survives JSON.

    Args:
        group: registry group: ``encoders``, ``decoders`` or ``obfnets``.
        name: registered name.
        arguments: for the registered factory, JSON-ready; lists are given to it as tuples.
        half: ``encoder`` or ``decoder`` of a published ObfNet; empty for all that is made.
    """

    group: str
    name: str
    arguments: Mapping[str, Any]
    half: str = ""

    def __call__(self) -> nn.Module:
        """A new net, with initial weights from torch's random state."""
        arguments = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in self.arguments.items()
        }
        made = find(self.group, self.name)(**arguments)
        net: nn.Module = getattr(made, self.half) if self.half else made
        return net
