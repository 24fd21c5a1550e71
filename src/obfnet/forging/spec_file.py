"""A forging's spec as TOML: read strictly, and written again."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from obfnet.errors import SpecError
from obfnet.forging.spec import ForgeSpec, Named
from obfnet.forging.spec_changes import Changes, override
from obfnet.forging.spec_tables import Tables, from_tables


def parse(text: str) -> ForgeSpec:
    """The spec that ``text`` is.

    Raises:
        SpecError: no TOML, an unknown table or key, or a value of another type.
    """
    return from_tables(read_tables(text))


def load(path: Path | None, changes: Changes) -> ForgeSpec:
    """The spec in the file at ``path``, if there is one, with ``changes``.

    Raises:
        SpecError: the file cannot be read, or as ``parse``.
    """
    try:
        text = "" if path is None else path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise SpecError(f"the spec {path} cannot be read: {error}") from error
    return from_tables(override(read_tables(text), changes))


def read_tables(text: str) -> Tables:
    """The tables of ``text``, not yet looked into.

    Raises:
        SpecError: no TOML, or a value outside every table.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"the spec is no TOML: {error}") from error
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise SpecError(f"{name} stands outside of the tables: put it in one")
    return tables


def write(spec: ForgeSpec) -> str:
    """``spec`` as TOML that ``parse`` reads back; what is None is left out."""
    parts = []
    for name in (field.name for field in fields(spec)):
        part = getattr(spec, name)
        if part is None:
            continue
        if isinstance(part, Named):
            plain: dict[str, Any] = {"name": part.name, **part.arguments}
        else:
            plain = dict(part) if isinstance(part, Mapping) else asdict(part)
        lines = [f"{_key(key)} = {_value(v)}" for key, v in plain.items() if v not in (None, {})]
        if lines:
            parts.append("\n".join([f"[{name}]", *lines]) + "\n")
    return "\n".join(parts)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _value(name)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, str | Path):
        # JSON's escapes are TOML's, but for DEL, which JSON leaves as it is.
        return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)
