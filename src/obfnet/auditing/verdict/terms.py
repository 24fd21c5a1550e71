"""The figures of a report that criteria speak of, by the names they are written with."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from obfnet.auditing.verdict.criterion import ANY, Content, Look, Measured, Term, exactly
from obfnet.errors import NotMeasurableError


def attribute(name: str) -> Term:
    """How often a private attribute is guessed right by the best probe."""
    return Term(
        f'attribute("{name}")',
        lambda content, about: _with_ci(_probed(content, about), "accuracy"),
        frozenset({name}),
    )


def score(name: str) -> Term:
    """Leakage by another score than squared error, of the attack that is best by it."""

    def look(content: Content, about: str) -> Measured:
        best = _entry(content["scores"], name, "score")
        return _with_ci(best["leakage"], "value", "ci")

    return Term(f'score("{name}")', look)


def attack(name: str) -> Term:
    """Leakage by mean squared error of one attack by itself."""

    def look(content: Content, about: str) -> Measured:
        by_name = {each["attack"]: each for each in content["tried"]}
        if name not in by_name:
            raise NotMeasurableError(_missing(content, name, by_name, "attack"))
        return _with_ci(by_name[name]["leakage"]["mse"], "value", "ci")

    return Term(f'attack("{name}")', look)


def measure(examination: str, name: str) -> Term:
    """One number of an examination, by the examination's registered name and the number's."""

    def look(content: Content, about: str) -> Measured:
        held = content["examined"]
        if examination not in held:
            raise NotMeasurableError(_missing(content, examination, held, "examination"))
        by_name = {each["name"]: each for each in held[examination]["measures"]}
        return _with_ci(_entry(by_name, name, "measure"), "value", "ci")

    return Term(f'measure("{examination}", "{name}")', look)


def _leakage(content: Content, about: str) -> Measured:
    return _with_ci(content["row"], "leakage")


def _accuracy(content: Content, about: str) -> Measured:
    return _with_ci(content["row"], "accuracy")


def _drop(content: Content, about: str) -> Measured:
    """The InfNet's accuracy on the same raw samples is taken as it is."""
    row = content["row"]
    low, high = row["accuracy_ci"]
    return Measured(row["drop"], row["clean_accuracy"] - high, row["clean_accuracy"] - low)


def _share(name: str) -> Look:
    """A fraction of the evaluation samples."""
    return lambda content, about: Measured(content["row"][name], *content[f"{name}_ci"])


def _bits(name: str) -> Look:
    """Certified: infinite where nothing is."""

    def look(content: Content, about: str) -> Measured:
        bits = content["row"].get(name)
        return exactly(math.inf if bits is None else bits)

    return look


def _known(name: str) -> Look:
    """A figure that a row has or has not."""

    def look(content: Content, about: str) -> Measured:
        found = content["row"].get(name)
        if found is None:
            raise NotMeasurableError(f"{name} is not known of this subject")
        return exactly(found)

    return look


def _beside(name: str) -> Look:
    """A figure that belongs to the attribute in question."""
    return lambda content, about: exactly(_probed(content, about)[name])


leakage = Term("leakage", _leakage)
accuracy = Term("accuracy", _accuracy)
drop = Term("drop", _drop)
agreement = Term("agreement", _share("agreement"))
clean_accuracy = Term("clean_accuracy", _share("clean_accuracy"))
raw_leakage = Term("raw_leakage", _known("raw_leakage"))
certified_bits = Term("certified_bits", _bits("certified_bits"))
excess_bits = Term("excess_bits", _bits("excess_bits"))
twin_accuracy = Term("twin_accuracy", _known("twin_accuracy"))
params = Term("params", _known("params"))
macs = Term("macs", _known("macs"))
stored_bytes = Term("bytes", _known("bytes"))
any_attribute = Term(
    "any_attribute",
    lambda content, about: _with_ci(_probed(content, about), "accuracy"),
    frozenset({ANY}),
)
chance = Term("chance", _beside("chance"), relative=True)
label_only = Term("label_only", _beside("label_only"), relative=True)

#: Terms that are written as a bare word.
WORDS: Mapping[str, Term] = MappingProxyType(
    {
        each.text: each
        for each in (
            leakage, accuracy, drop, agreement, clean_accuracy, raw_leakage, certified_bits,
            excess_bits, twin_accuracy, params, macs, stored_bytes, any_attribute, chance,
            label_only,
        )
    }
)  # fmt: skip


@dataclass(frozen=True)
class Call:
    """A term that is written with names in brackets.

    Args:
        make: makes it of that many strings.
        count: how many.
    """

    make: Callable[..., Term]
    count: int


CALLS: Mapping[str, Call] = MappingProxyType(
    {
        "attribute": Call(attribute, 1),
        "score": Call(score, 1),
        "attack": Call(attack, 1),
        "measure": Call(measure, 2),
    }
)


def _probed(content: Content, name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] | None = _entry(content["attributes"], name, "attribute")["best"]
    if found is None:
        raise NotMeasurableError(_missing(content, name, (), "attribute"))
    return found


def _with_ci(held: Mapping[str, Any], name: str, ci: str | None = None) -> Measured:
    value, interval = held[name], held[ci or f"{name}_ci"]
    if value is None:
        raise NotMeasurableError("the figure is not finite")
    if interval is None or None in interval:
        return exactly(value)
    return Measured(value, *interval)


def _entry(held: Mapping[str, Any], name: str, kind: str) -> Any:  # noqa: ANN401
    if name not in held:
        raise NotMeasurableError(
            f"the report has no {kind} {name!r}, it has {', '.join(map(repr, held)) or 'none'}"
        )
    return held[name]


def _missing(content: Content, name: str, held: Iterable[str], kind: str) -> str:
    """Why a part has no figures: the reason it gave, or that it was not run."""
    for part, reason in content["unmeasured"].items():
        if part == name or part.startswith((f"{name}/", f"{name} seed")):
            return f"not measurable: {reason}"
    there = ", ".join(map(repr, held)) or "none"
    return f"the report has no {kind} {name!r}, it has {there}; audit with more effort"
