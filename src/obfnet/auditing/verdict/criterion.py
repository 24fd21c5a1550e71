"""Conditions on an audit's figures that combine with ``&``, ``|`` and ``~``.

In Python, with terms of ``auditing.verdict.terms``::

    (leakage <= 0.05) & (attribute("speaker") <= chance + 0.03)

Where intervals are known a condition is judged at their unfavourable end: ``leakage <= .05`` asks
for an upper bound of at most .05. A figure that was not measured makes a condition neither true
nor false, and then a combination too unless its other side settles it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from obfnet.errors import NotMeasurableError, SpecError

Content = Mapping[str, Any]
#: Which end of an interval counts: the unfavourable one, the value itself, the favourable one.
Side = Literal["bound", "value", "favour"]
#: Stands for every private attribute in turn.
ANY = "*"
DECIMALS = 12

_OPERATORS: Mapping[str, Callable[[float, float], bool]] = MappingProxyType(
    {"<=": operator.le, "<": operator.lt, ">=": operator.ge, ">": operator.gt}
)
_TURNED: Mapping[Side, Side] = MappingProxyType(
    {"bound": "favour", "favour": "bound", "value": "value"}
)


@dataclass(frozen=True)
class Measured:
    """A figure with its 95 % interval; an exact one is its own interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        if self.low == self.high:
            return f"{self.value:.4g}"
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}]"


def exactly(value: float) -> Measured:
    """A figure without an interval."""
    return Measured(value, value, value)


#: Finds a figure in a report's content; the name is of the attribute in question, "" if none is.
Look = Callable[[Content, str], Measured]


@dataclass(frozen=True)
class Term:
    """One side of a comparison.

    Args:
        text: as it is written.
        look: finds it; raises ``NotMeasurableError`` where there is no such figure.
        attributes: private attributes it is about.
        relative: whether it means nothing but beside an attribute, as ``chance``.
    """

    text: str
    look: Look = field(compare=False, repr=False)
    attributes: frozenset[str] = frozenset()
    relative: bool = False

    def __add__(self, other: Term | float) -> Term:
        return _joined(self, "+", term(other))

    def __sub__(self, other: Term | float) -> Term:
        return _joined(self, "-", term(other))

    def __le__(self, other: Term | float) -> Comparison:
        return Comparison(self, "<=", term(other))

    def __lt__(self, other: Term | float) -> Comparison:
        return Comparison(self, "<", term(other))

    def __ge__(self, other: Term | float) -> Comparison:
        return Comparison(self, ">=", term(other))

    def __gt__(self, other: Term | float) -> Comparison:
        return Comparison(self, ">", term(other))


def term(value: Term | float) -> Term:
    """A number as a term; a term as it is."""
    if isinstance(value, Term):
        return value
    return Term(f"{value:g}", lambda content, attribute: exactly(float(value)))


def _joined(left: Term, sign: str, right: Term) -> Term:
    def look(content: Content, attribute: str) -> Measured:
        one, other = left.look(content, attribute), right.look(content, attribute)
        if sign == "+":
            return Measured(one.value + other.value, one.low + other.low, one.high + other.high)
        return Measured(one.value - other.value, one.low - other.high, one.high - other.low)

    return Term(
        f"{left.text} {sign} {right.text}",
        look,
        left.attributes | right.attributes,
        left.relative or right.relative,
    )


@dataclass(frozen=True)
class Outcome:
    """Of a criterion: whether it holds (None: not measurable), and the figures that say so."""

    holds: bool | None
    why: tuple[str, ...]


class Criterion:
    """Something that a report meets or not; combine with ``&``, ``|`` and ``~``."""

    def judge(self, content: Content, side: Side = "bound") -> Outcome:
        """Whether the report meets it.

        Args:
            content: of ``report.json``.
            side: which end of an interval counts.
        """
        raise NotImplementedError

    def __and__(self, other: Criterion) -> Criterion:
        return Combined(self, "&", other)

    def __or__(self, other: Criterion) -> Criterion:
        return Combined(self, "|", other)

    def __invert__(self) -> Criterion:
        return Negated(self)

    def __bool__(self) -> bool:
        # "a <= b <= c" and "a and b" would silently drop a part.
        raise TypeError("combine criteria with & | ~ and brackets, not with and, or, not")


@dataclass(frozen=True)
class Comparison(Criterion):
    """Two terms and one of ``<= < >= >``.

    Raises:
        SpecError: it is about several attributes at once, or about chance and no attribute.
    """

    left: Term
    sign: str
    right: Term

    def __post_init__(self) -> None:
        about = self.left.attributes | self.right.attributes
        if len(about) > 1:
            raise SpecError(f"{self} is about several attributes: compare each by itself")
        if not about and (self.left.relative or self.right.relative):
            raise SpecError(f'{self}: chance of what? Write attribute("NAME") beside it')

    def __str__(self) -> str:
        return f"{self.left.text} {self.sign} {self.right.text}"

    def judge(self, content: Content, side: Side = "bound") -> Outcome:
        """See ``Criterion``; about any attribute it holds if it holds for each."""
        (about,) = (self.left.attributes | self.right.attributes) or {""}
        if about != ANY:
            return self._judge(content, about, side)
        every = [self._judge(content, name, side) for name in content["attributes"]]
        if not every:
            return Outcome(None, (f"{self}: the data has no private attributes",))
        return Outcome(_all(each.holds for each in every), sum((each.why for each in every), ()))

    def _judge(self, content: Content, attribute: str, side: Side) -> Outcome:
        written = str(self).replace("any_attribute", f'attribute("{attribute}")')
        try:
            left, right = self.left.look(content, attribute), self.right.look(content, attribute)
        except NotMeasurableError as error:
            return Outcome(None, (f"{written}: {error}",))
        one, other = self._ends(left, right, side)
        # In decimals, as people write them: .98 - .96 is .02 and not a little more.
        holds = _OPERATORS[self.sign](round(one, DECIMALS), round(other, DECIMALS))
        verb = "holds" if holds else "does not hold"
        return Outcome(holds, (f"{written}: {left} {self.sign} {right} {verb}",))

    def _ends(self, left: Measured, right: Measured, side: Side) -> tuple[float, float]:
        if side == "value":
            return left.value, right.value
        if (side == "bound") == self.sign.startswith("<"):
            return left.high, right.low
        return left.low, right.high


@dataclass(frozen=True)
class Combined(Criterion):
    """Two criteria of which both (``&``) or at least one (``|``) must hold."""

    left: Criterion
    sign: Literal["&", "|"]
    right: Criterion

    def __str__(self) -> str:
        return f"({self.left} {self.sign} {self.right})"

    def judge(self, content: Content, side: Side = "bound") -> Outcome:
        """See ``Criterion``."""
        both = self.left.judge(content, side), self.right.judge(content, side)
        holds = [each.holds for each in both]
        if self.sign == "|":
            turned = _all(None if each is None else not each for each in holds)
            found = None if turned is None else not turned
        else:
            found = _all(holds)
        return Outcome(found, both[0].why + both[1].why)


@dataclass(frozen=True)
class Negated(Criterion):
    """A criterion that must not hold; what was favourable to it is unfavourable now."""

    inner: Criterion

    def __str__(self) -> str:
        return f"~({self.inner})"

    def judge(self, content: Content, side: Side = "bound") -> Outcome:
        """See ``Criterion``."""
        found = self.inner.judge(content, _TURNED[side])
        return Outcome(None if found.holds is None else not found.holds, found.why)


def _all(values: Iterable[bool | None]) -> bool | None:
    """Kleene's conjunction: one False settles it, else one None leaves it open."""
    found = list(values)
    if False in found:
        return False
    return None if None in found else True
