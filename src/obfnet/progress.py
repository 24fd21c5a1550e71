"""Progress bars for people, silence for logs: shown only on a terminal that has `rich`."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

#: Held by the bar that is shown: a terminal has room for one.
_shown = threading.Lock()


@contextmanager
def bar(label: str, total: float | None) -> Iterator[Callable[[], None]]:
    """A bar named ``label`` on standard error; yields what moves it on by one.

    While another bar is shown, in another thread or around this one, none is added.
    """
    if not sys.stderr.isatty() or not _shown.acquire(blocking=False):
        yield lambda: None
        return
    try:
        with _bar(label, total) as advance:
            yield advance
    finally:
        _shown.release()


@contextmanager
def _bar(label: str, total: float | None) -> Iterator[Callable[[], None]]:
    try:
        from rich.console import Console
        from rich.progress import Progress
    except ImportError:
        yield lambda: None
        return
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(label, total=total)
        yield lambda: progress.advance(task)


def track(items: Iterable[T], label: str, total: float | None = None) -> Iterator[T]:
    """Yield ``items`` while a bar named ``label`` moves on."""
    with bar(label, total) as advance:
        for item in items:
            yield item
            advance()


def say(message: str) -> None:
    """Print one line of what is going on to standard error."""
    print(message, file=sys.stderr, flush=True)
