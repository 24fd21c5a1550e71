"""Stop training that runs in another thread: at its next step it raises."""

from __future__ import annotations

import threading
from contextvars import ContextVar

#: Set for the threads of an executor; when it is set, their training ends.
stop: ContextVar[threading.Event | None] = ContextVar("stop", default=None)


class CancelledError(Exception):
    """Training was stopped from outside; nothing of it is kept."""


def check() -> None:
    """Raise ``CancelledError`` where this thread is to stop."""
    event = stop.get()
    if event is not None and event.is_set():
        raise CancelledError
