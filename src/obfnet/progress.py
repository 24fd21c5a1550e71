"""Progress bars for people, silence for logs: shown only on a terminal that has `rich`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def track(items: Iterable[T], label: str, total: float | None = None) -> Iterator[T]:
    """Yield ``items`` while a bar named ``label`` advances on standard error."""
    if not sys.stderr.isatty():
        yield from items
        return
    try:
        from rich.console import Console
        from rich.progress import track as rich_track
    except ImportError:
        yield from items
        return
    yield from rich_track(
        items, label, total=total, transient=True, console=Console(stderr=True), update_period=0.2
    )


def say(message: str) -> None:
    """Print one line of what is going on to standard error."""
    print(message, file=sys.stderr, flush=True)
