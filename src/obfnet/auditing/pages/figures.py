"""How figures are written, on every page and terminal alike; what is not known is a dash."""

from __future__ import annotations

import math
from collections.abc import Sequence

ABSENT = "-"


def share(value: float | None, ci: Sequence[float] | None = None) -> str:
    """A fraction in percent, with its interval."""
    if value is None:
        return ABSENT
    return f"{value:.1%}" + ("" if ci is None else f" [{ci[0]:.1%}, {ci[1]:.1%}]")


def number(value: float | None, ci: Sequence[float | None] | None = None, digits: int = 3) -> str:
    """A number of some significant digits, with its interval."""
    if value is None:
        return ABSENT
    if ci is None or None in ci:
        return f"{value:.{digits}g}"
    low, high = ci
    return f"{value:.{digits}g} [{low:.{digits}g}, {high:.{digits}g}]"


def leakage(value: float | None, ci: Sequence[float] | None = None) -> str:
    """A leakage with its interval."""
    if value is None:
        return ABSENT
    return f"{value:.3f}" + ("" if ci is None else f" [{ci[0]:.3f}, {ci[1]:.3f}]")


def points(value: float | None) -> str:
    """A difference of fractions in percentage points."""
    return ABSENT if value is None else f"{100 * value:+.2f} pt"


def count(value: float | None) -> str:
    """A whole number."""
    return ABSENT if value is None else f"{value:,.0f}"


def decibels(mse: float | None, span: float) -> str:
    """PSNR of a mean squared error, for samples whose values span ``span``."""
    if mse is None:
        return ABSENT
    return "∞" if mse <= 0 else f"{10 * math.log10(span * span / mse):.2f} dB"
