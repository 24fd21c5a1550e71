"""Read typed fields out of a JSON object, or say which one is wrong and how.

``where`` names the object in messages. An optional field that is ``null`` counts as absent,
as several servers write ``null`` for what they leave out.
"""

from __future__ import annotations

import math
import reprlib
from typing import Any

from obfnet.errors import ProtocolError

Fields = dict[str, Any]
Scalar = str | int | float | bool


def wrong(where: str, key: str, value: object, expected: str) -> ProtocolError:
    """The error for a field that holds something else than expected."""
    return ProtocolError(f"{where}: {key!r} is {reprlib.repr(value)}, expected {expected}")


def text(fields: Fields, key: str, where: str, default: str | None = None) -> str:
    """The string at ``key``; required, and not empty, if there is no ``default``."""
    value = fields.get(key)
    if value is None and default is not None:
        return default
    if not isinstance(value, str) or not (value or default is not None):
        raise wrong(where, key, value, "a string" if default is not None else "a non-empty string")
    return value


def flag(fields: Fields, key: str, where: str, default: bool) -> bool:
    """The boolean at ``key``."""
    value = fields.get(key)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise wrong(where, key, value, "true or false")
    return value


def items(fields: Fields, key: str, where: str, required: bool = False) -> list[Any]:
    """The list at ``key``, empty if absent and not required."""
    value = fields.get(key)
    if value is None and not required:
        return []
    if not isinstance(value, list):
        raise wrong(where, key, value, "a list")
    return value


def entries(fields: Fields, key: str, where: str, required: bool = False) -> list[Fields]:
    """The list of objects at ``key``, each with a ``name`` that no other has."""
    found = items(fields, key, where, required)
    names: set[str] = set()
    for entry in found:
        if not isinstance(entry, dict):
            raise wrong(where, key, entry, "a list of objects")
        name = text(entry, "name", f"{where}, entry of {key!r}")
        if name in names:
            raise ProtocolError(f"{where}: {key!r} names {reprlib.repr(name)} twice, expected once")
        names.add(name)
    return found


def parameters(fields: Fields, where: str) -> Fields:
    """The object at ``parameters``, empty if absent."""
    value = fields.get("parameters")
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise wrong(where, "parameters", value, "an object")
    return value


def scalars(fields: Fields, where: str) -> dict[str, Scalar]:
    """The object at ``parameters`` without its nulls, all others texts, finite numbers or flags."""
    found = {name: value for name, value in parameters(fields, where).items() if value is not None}
    for name, value in found.items():
        # A number too great for a float is read as infinity, which JSON cannot carry back.
        if not isinstance(value, Scalar) or (isinstance(value, float) and math.isinf(value)):
            raise wrong(f"{where}, parameters", name, value, "a text, a finite number or a flag")
    return found
