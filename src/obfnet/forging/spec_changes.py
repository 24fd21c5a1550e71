"""Changes of a spec, as flags of a command line make them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

from obfnet.errors import SpecError
from obfnet.forging.spec import SOURCES
from obfnet.forging.spec_tables import Tables
from obfnet.registry import names

#: New values by table and key.
Changes = Mapping[tuple[str, str], Any]
#: Tables in which all that stands beside a name belongs to it.
_NAMED = ("mechanism", "encoder", "decoder")


def override(tables: Tables, changes: Changes) -> Tables:
    """``tables`` with single values changed, and whatever a change makes void left out.

    Another source of the InfNet replaces the one there was, another mechanism or net its
    arguments, an encoder the budget and the other way round.

    Args:
        tables: of a spec.
        changes: new values by table and key.
    """
    made = {name: dict(table) for name, table in tables.items()}
    for (table, key), value in changes.items():
        there = made.setdefault(table, {})
        if table == "infnet" and key in SOURCES:
            for other in (*SOURCES, "model"):
                there.pop(other, None)
        elif table in _NAMED and key == "name" and there.get("name") != value:
            there.clear()
        there[key] = value
    changed = {table for table, _ in changes}
    for given, void in (("encoder", "budget"), ("budget", "encoder")):
        if given in changed and void not in changed:
            made.pop(void, None)
    return made


def setting(text: str) -> tuple[tuple[str, str], Any]:
    """A change written as ``table.key=value``, the value in TOML; a bare word is a string.

    Raises:
        SpecError: it is not written so.
    """
    place, equals, value = text.partition("=")
    table, dot, key = place.strip().partition(".")
    if not (equals and dot and table and key):
        raise SpecError(f"{text!r} is no setting, expected table.key=value")
    try:
        return (table, key), tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return (table, key), value.strip()


def weight(text: str) -> tuple[tuple[str, str], Any]:
    """A change of an objective, written as ``term=weight``.

    Raises:
        SpecError: it is not written so.
    """
    term, equals, number = text.rpartition("=")
    try:
        if term and equals:
            return ("objectives", term), float(number)
    except ValueError:
        pass
    raise SpecError(f"{text!r} is no part of an objective, expected term=weight")


def source_of(where: str | None) -> tuple[str, str]:
    """The place in a spec of an InfNet that is given as one word."""
    word = where or ""
    if "://" in word:
        return "infnet", "url"
    if word in names("pretrained"):
        return "infnet", "pretrained"
    return "infnet", "onnx" if word.endswith(".onnx") else "folder"
