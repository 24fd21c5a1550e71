"""What an audit measures beside reconstructions and attributes: numbers with their floors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from obfnet.auditing.evidence import Evidence
from obfnet.auditing.intervals import Interval


@dataclass(frozen=True)
class Measure:
    """One number.

    Args:
        name: in plain words, with no other measure of the examination called the same.
        value: what was measured.
        ci: its 95 % interval, or None for a count or a bound.
        floor: the same for an attacker who knows only the label, or by chance; None where there
            is no such thing.
        raw: the same on raw samples; None where it was not measured.
        unit: of all of them.
    """

    name: str
    value: float
    ci: Interval | None = None
    floor: float | None = None
    raw: float | None = None
    unit: str = ""


@dataclass(frozen=True)
class Examined:
    """What an examination found.

    Args:
        name: registered name.
        title: in plain words.
        knows: what the attacker has.
        measures: the numbers.
        note: how to read them, in a sentence or two.
    """

    name: str
    title: str
    knows: str
    measures: tuple[Measure, ...]
    note: str = ""


#: Looks at evidence of the subject and of raw samples, with a seed. It raises
#: ``NotMeasurableError`` where a number would mean nothing.
Examination = Callable[[Evidence, Evidence, int], Examined]
