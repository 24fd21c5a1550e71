"""Progress bars for people, silence for logs: shown only on a terminal that has `rich`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def bar(label: str, total: float | None) -> Iterator[Callable[[], None]]:
    """A bar named ``label`` on standard error; yields what moves it on by one."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
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
