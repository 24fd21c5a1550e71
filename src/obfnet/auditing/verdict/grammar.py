"""Criteria as text: read by a small parser, never evaluated as code.

    either     = both { ("|" | "or") both }
    both       = negated { ("&" | "and") negated }
    negated    = ("~" | "not") negated | "(" either ")" | comparison
    comparison = sum ("<=" | "<" | ">=" | ">") sum
    sum        = factor { ("+" | "-") factor }
    factor     = number [ "%" ] | word | call
    call       = word "(" string { "," string } ")"

Other than in Python, comparisons bind tighter than ``&`` and ``|``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from obfnet.auditing.verdict.criterion import Combined, Comparison, Criterion, Negated, Term, term
from obfnet.auditing.verdict.terms import CALLS, WORDS
from obfnet.errors import SpecError

_TOKEN = re.compile(
    r"""(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?%?)
    |(?P<word>[A-Za-z_]\w*)
    |(?P<string>"[^"]*"|'[^']*')
    |(?P<sign><=|>=|[<>&|~()+,-])""",
    re.VERBOSE,
)
_COMPARING = ("<=", "<", ">=", ">")
_ALIASES = {"and": "&", "or": "|", "not": "~"}
#: Brackets in brackets: more than a person writes, fewer than the stack bears.
_DEEPEST = 50


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    place: int


def parse(text: str) -> Criterion:
    """The criterion that ``text`` is.

    Raises:
        SpecError: it is none; the message says where and what was expected.
    """
    parser = _Parser(text)
    found = parser.either()
    if parser.next.kind != "end":
        raise parser.unexpected("& or |, or the end")
    return found


class _Parser:
    """Recursive descent over the tokens of one line."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = self._split(text)
        self._at = 0
        self._depth = 0

    @property
    def next(self) -> _Token:
        return self._tokens[self._at]

    def either(self) -> Criterion:
        found = self.both()
        while self._taken("|"):
            found = Combined(found, "|", self.both())
        return found

    def both(self) -> Criterion:
        found = self.negated()
        while self._taken("&"):
            found = Combined(found, "&", self.negated())
        return found

    def negated(self) -> Criterion:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise SpecError(f"more than {_DEEPEST} brackets in each other: write it flatter")
        try:
            if self._taken("~"):
                return Negated(self.negated())
            if self._taken("("):
                found = self.either()
                self._need(")")
                return found
            return self.comparison()
        finally:
            self._depth -= 1

    def comparison(self) -> Criterion:
        left = self.sum()
        sign = self.next.text
        if self.next.kind != "sign" or sign not in _COMPARING:
            raise self.unexpected("one of " + " ".join(_COMPARING))
        self._at += 1
        return Comparison(left, sign, self.sum())

    def sum(self) -> Term:
        found = self.factor()
        while self.next.kind == "sign" and self.next.text in "+-":
            plus = self._taken("+")
            if not plus:
                self._need("-")
            found = found + self.factor() if plus else found - self.factor()
        return found

    def factor(self) -> Term:
        token = self.next
        if token.kind == "number":
            self._at += 1
            percent = token.text.endswith("%")
            return term(float(token.text.rstrip("%")) / (100 if percent else 1))
        if token.kind != "word":
            raise self.unexpected("a number or a figure's name")
        if token.text in CALLS:
            self._at += 1
            call = CALLS[token.text]
            return call.make(*self._strings(call.count))
        if token.text not in WORDS:
            raise self.unexpected(
                f"one of {', '.join(WORDS)}, or {', '.join(f'{name}(…)' for name in CALLS)}"
            )
        self._at += 1
        return WORDS[token.text]

    def unexpected(self, expected: str) -> SpecError:
        found = repr(self.next.text) if self.next.text else "the end"
        return SpecError(
            f"{self._text!r} has {found} at {self.next.place + 1}, expected {expected}"
        )

    def _strings(self, count: int) -> list[str]:
        self._need("(")
        found: list[str] = []
        while len(found) < count:
            if found:
                self._need(",")
            if self.next.kind != "string":
                raise self.unexpected("a name in quotes")
            found.append(self.next.text[1:-1])
            self._at += 1
        self._need(")")
        return found

    def _taken(self, sign: str) -> bool:
        if self.next.kind != "sign" or self.next.text != sign:
            return False
        self._at += 1
        return True

    def _need(self, sign: str) -> None:
        if not self._taken(sign):
            raise self.unexpected(repr(sign))

    def _split(self, text: str) -> list[_Token]:
        tokens, place = [], 0
        while place < len(text):
            if text[place].isspace():
                place += 1
                continue
            found = _TOKEN.match(text, place)
            if found is None:
                raise SpecError(f"{text!r} has {text[place]!r} at {place + 1}, which means nothing")
            kind, word = str(found.lastgroup), found.group()
            if kind == "word" and word in _ALIASES:
                kind, word = "sign", _ALIASES[word]
            tokens.append(_Token(kind, word, place))
            place = found.end()
        return [*tokens, _Token("end", "", place)]
