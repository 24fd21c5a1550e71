"""A file of criteria, as a model team keeps it beside its code."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from obfnet.auditing.verdict.criterion import Criterion
from obfnet.auditing.verdict.grammar import parse
from obfnet.errors import SpecError

#: What of an interval is judged: its unfavourable end, or the value in it.
On = Literal["bound", "value"]


@dataclass(frozen=True)
class Named:
    """A criterion with the name that a verdict calls it.

    Args:
        name: in the verdict.
        criterion: what must hold.
        on: what of an interval is judged.
        optional: whether it passes where it cannot be measured.
        text: as it was written; by default the criterion's own.
    """

    name: str
    criterion: Criterion
    on: On = "bound"
    optional: bool = False
    text: str = ""


def load(path: Path) -> tuple[Named, ...]:
    """The criteria in the TOML file at ``path``.

    Raises:
        SpecError: it cannot be read, or as ``read``.
    """
    try:
        return read(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"the criteria {path} cannot be read: {error}") from error
    except SpecError as error:
        raise SpecError(f"{path}: {error}") from error


def read(text: str) -> tuple[Named, ...]:
    """The criteria of a TOML text.

    Each is ``name = "expression"`` in the table ``[criteria]``, or a table
    ``{ expression, on, optional }``; ``on = "value"`` above ``[criteria]`` changes the rule for
    all of them.

    Raises:
        SpecError: no TOML, an unknown key, or no criterion.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"the criteria are no TOML: {error}") from error
    _known("the file", tables, {"criteria", "on"})
    entries = tables.get("criteria")
    if not isinstance(entries, dict) or not entries:
        raise SpecError('there is no criterion: write [criteria], then name = "leakage <= .05"')
    usual = _on("the file", tables.get("on", "bound"))
    return tuple(_named(name, entry, usual) for name, entry in entries.items())


def _named(name: str, entry: object, usual: On) -> Named:
    plain: dict[str, Any] = {"expression": entry} if isinstance(entry, str) else {}
    if isinstance(entry, dict):
        plain = entry
    _known(f"criterion {name!r}", plain, {"expression", "on", "optional"})
    expression, optional = plain.get("expression"), plain.get("optional", False)
    if not isinstance(expression, str) or not isinstance(optional, bool):
        raise SpecError(
            f"criterion {name!r} is {entry!r}, expected an expression as a string, or "
            '{ expression = "…", on = "value", optional = true }'
        )
    on = _on(f"criterion {name!r}", plain.get("on", usual))
    return Named(name, parse(expression), on, optional, expression)


def _on(place: str, value: object) -> On:
    if value not in get_args(On):
        raise SpecError(f'{place} is judged on {value!r}, expected "bound" or "value"')
    return value  # type: ignore[return-value]  # it was just checked


def _known(place: str, table: dict[str, Any], keys: set[str]) -> None:
    unknown = sorted(table.keys() - keys)
    if unknown:
        raise SpecError(f"{place} has {unknown[0]!r}; known are {', '.join(sorted(keys))}")
