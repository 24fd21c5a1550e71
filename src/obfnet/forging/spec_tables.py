"""From tables, as a file holds them, to a spec: every key and type is checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

from obfnet.errors import SpecError
from obfnet.forging.spec import (
    DataSpec,
    FleetSpec,
    ForgeSpec,
    InfNetSpec,
    Named,
    PoolSpec,
    ScheduleSpec,
)
from obfnet.nets.budget import Budget

#: Tables of a spec by name, each with its keys and values; one level deep but for options.
Tables = Mapping[str, Mapping[str, Any]]


def from_tables(tables: Tables) -> ForgeSpec:
    """The spec that ``tables`` describe.

    Raises:
        SpecError: an unknown table or key, one that is missing, or a value of another type.
    """
    unknown = sorted(tables.keys() - _TABLES.keys())
    if unknown:
        raise SpecError(f"the spec has an unknown table [{unknown[0]}]; known are {_known()}")
    for needed in ("infnet", "data"):
        if needed not in tables:
            raise SpecError(f"the spec has no table [{needed}], which is needed")
    return ForgeSpec(**{name: _TABLES[name](name, table) for name, table in tables.items()})


Reader = Callable[[Any], Any]


def _exactly(*types: type) -> Reader:
    def read(value: object) -> object:
        if type(value) not in types:  # a bool is an int by inheritance, and not meant
            raise ValueError
        return value

    return read


def _number(value: object) -> float:
    found = float(_exactly(int, float)(value))
    if not math.isfinite(found):
        raise ValueError
    return found


def _whole_numbers(value: object) -> tuple[int, ...]:
    return tuple(map(_exactly(int), _exactly(list, tuple)(value)))


#: By the annotation of a field: what is expected, in words, and how it is read.
_READERS: Mapping[str, tuple[str, Reader]] = {
    "str": ("a string", _exactly(str)),
    "int": ("a whole number", _exactly(int)),
    "float": ("a number", _number),
    "bool": ("true or false", _exactly(bool)),
    "Path": ("a path as a string", lambda value: Path(_exactly(str)(value))),
    "tuple[int, ...]": ("a list of whole numbers", _whole_numbers),
    "Mapping[str, Any]": ("a table", _exactly(dict)),
}


def _record(kind: Callable[..., Any]) -> Callable[[str, Mapping[str, Any]], Any]:
    """Reads a table into the dataclass ``kind``."""
    known: Mapping[str, Field[Any]] = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]

    def read(table: str, values: Mapping[str, Any]) -> object:
        for key in values:
            if key not in known:
                raise SpecError(f"[{table}] has no key {key!r}; known are {', '.join(known)}")
        for key, field in known.items():
            needed = field.default is MISSING and field.default_factory is MISSING
            if needed and key not in values:
                raise SpecError(f"[{table}] has no {key}, which is needed")
        return kind(**{key: _read(f"[{table}] {key}", known[key], v) for key, v in values.items()})

    return read


def _read(place: str, field: Field[Any], value: object) -> object:
    expected, reader = _READERS[str(field.type).removesuffix(" | None")]
    try:
        return reader(value)
    except ValueError:
        raise SpecError(f"{place} is {value!r}, expected {expected}") from None


def _named(table: str, values: Mapping[str, Any]) -> Named:
    if not isinstance(values.get("name"), str):
        raise SpecError(f"[{table}] has no name, which is needed, a string")
    return Named(values["name"], {key: v for key, v in values.items() if key != "name"})


def _weights(table: str, values: Mapping[str, Any]) -> Mapping[str, float]:
    read = {}
    for key, value in values.items():
        try:
            read[key] = _number(value)
        except ValueError:
            raise SpecError(f"[{table}] {key} is {value!r}, expected a weight") from None
    return read


_TABLES: Mapping[str, Callable[[str, Mapping[str, Any]], Any]] = {
    "infnet": _record(InfNetSpec),
    "data": _record(DataSpec),
    "forge": _record(FleetSpec),
    "mechanism": _named,
    "encoder": _named,
    "decoder": _named,
    "budget": _record(Budget),
    "objectives": _weights,
    "schedule": _record(ScheduleSpec),
    "pool": _record(PoolSpec),
}


def _known() -> str:
    return ", ".join(_TABLES)
