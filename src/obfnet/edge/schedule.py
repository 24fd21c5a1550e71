"""A policy by the time of day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time

from obfnet.edge.policy import Policy
from obfnet.errors import SpecError


def within(
    start: time | str, end: time | str, clock: Callable[[], datetime] = datetime.now
) -> Policy:
    """Obfuscate from ``start`` until before ``end``, every day; send raw at other times.

    An ``end`` before ``start`` is on the next day: ``within("22:00", "06:00")`` is the night.

    Args:
        start: local time, or text like ``"22:00"``.
        end: likewise; another time than ``start``.
        clock: tells the local time.

    Raises:
        SpecError: no such times, times of a zone, or twice the same.
    """
    first, last = _time(start), _time(end)
    if first == last:
        raise SpecError(f"from {first} until {last} is all day or no time: use always or never")

    def decide() -> bool:
        now = clock().time()
        if first < last:
            return first <= now < last
        return now >= first or now < last

    return decide


def _time(value: time | str) -> time:
    try:
        found = time.fromisoformat(value) if isinstance(value, str) else value
    except ValueError as error:
        raise SpecError(f"{value!r} is no time of day, expected one like '22:00'") from error
    if found.tzinfo is not None:
        raise SpecError(f"{value!r} has a time zone, expected the device's local time")
    return found
