"""The ways to get the rows of a codebook, by name; ``docs/rows.md`` says when to use which."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from obfnet.errors import UnknownNameError
from obfnet.forging.decoy import decoy_rows, decoy_tables
from obfnet.forging.optimised import optimise_rows, optimise_tables
from obfnet.forging.searched import search_rows, search_tables
from obfnet.forging.table import RecognisedRows

#: One table: ``(infnet, spec, codes, seed, exemplars=, confidence=, ...)``.
ROWS: dict[str, Callable[..., RecognisedRows]] = {
    "optimised": optimise_rows,
    "decoy": decoy_rows,
    "searched": search_rows,
}
#: Many tables at once: ``(infnet, spec, codes, seeds, exemplars=, confidence=, ...)``.
TABLES: dict[str, Callable[..., list[RecognisedRows]]] = {
    "optimised": optimise_tables,
    "decoy": decoy_tables,
    "searched": search_tables,
}


def pick(ways: dict[str, Callable[..., Any]], name: str) -> Callable[..., Any]:
    """The way ``name`` of ``ROWS`` or ``TABLES``.

    Raises:
        UnknownNameError: there is none of that name.
    """
    if name not in ways:
        raise UnknownNameError(f"no rows are called {name!r}, expected one of {sorted(ways)}")
    return ways[name]
