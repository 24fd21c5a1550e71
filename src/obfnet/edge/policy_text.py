"""A policy from a word, as a command line or a file of settings names it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from obfnet.edge.battery import battery_above
from obfnet.edge.load import load_below
from obfnet.edge.policy import Policy, always, never
from obfnet.edge.schedule import within
from obfnet.errors import SpecError


def _within(text: str) -> Policy:
    start, _, end = text.partition("-")
    return within(start, end)


#: What makes each policy from the text after its name and a colon.
POLICIES: Mapping[str, Callable[[str], Policy]] = MappingProxyType(
    {
        "always": lambda text: always,
        "never": lambda text: never,
        "battery": lambda text: battery_above(float(text)),
        "load": lambda text: load_below(float(text)),
        "within": _within,
    }
)
#: One of each, for help and messages.
EXAMPLES = "always, never, battery:0.2, load:2, within:22:00-06:00"


def policy_from(text: str) -> Policy:
    """The policy that a text like ``battery:0.2`` names; see ``EXAMPLES``.

    Raises:
        SpecError: there is none of that name, or its argument is none.
    """
    name, colon, argument = text.partition(":")
    if name not in POLICIES or bool(colon) == (name in ("always", "never")):
        raise SpecError(f"no policy {text!r}, expected one like {EXAMPLES}")
    try:
        return POLICIES[name](argument)
    except ValueError as error:
        raise SpecError(f"policy {text!r}: {error}; expected one like {EXAMPLES}") from error
