"""From a spec, as it stands in a file, to an objective."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence

from obfnet import registry
from obfnet.errors import SpecError, UnknownNameError
from obfnet.forging.objectives.objective import Objective, Weighted
from obfnet.forging.objectives.term import Factory, Setting


def build(
    spec: Mapping[str, float],
    *,
    nets: int,
    released_width: int,
    shape: tuple[int, ...],
    classes: int,
    seeds: Sequence[int],
    attributes: Mapping[str, int] | None = None,
    teacher: bool = True,
    own: Mapping[str, Factory] | None = None,
) -> Objective:
    """Build the objective that ``spec`` describes.

    Args:
        spec: weight of each term by its entry, ``"name"`` or ``"name:argument"``; a term of
            weight 0 is not built.
        nets: K, how many ObfNets are forged side by side.
        released_width: k, the length of the relaxed released code.
        shape: shape of one sample.
        classes: number of classes that the InfNet answers with.
        seeds: one for each net; they fix the adversaries' initial weights.
        attributes: how many values each private attribute of the data has.
        teacher: whether I(x) can be had for the training samples.
        own: terms that are not registered, by name; they come before registered ones.

    Raises:
        UnknownNameError: no term has that name.
        SpecError: a weight that is no number from 0 up, no term at all, a wrong argument, or a
            term that needs what the data or the InfNet does not give.
    """
    setting = Setting(
        nets, released_width, tuple(shape), classes, tuple(seeds), attributes or {}, teacher
    )
    terms = []
    for entry, weight in spec.items():
        name, colon, argument = entry.partition(":")
        factory = _find(name, own or {})
        _check_weight(entry, weight)
        if weight > 0:
            arguments = (setting, argument) if colon else (setting,)
            _check_arguments(entry, factory, arguments)
            terms.append(Weighted(entry, float(weight), factory(*arguments)))
            _check_needs(terms[-1], setting)
    if not terms:
        raise SpecError(
            f"the objective {dict(spec)} has no term of a weight above 0, expected at least one, "
            "e.g. {'cross-entropy': 1.0}"
        )
    return Objective(terms, nets)


def _find(name: str, own: Mapping[str, Factory]) -> Factory:
    if name in own:
        return own[name]
    if name not in registry.names("terms"):
        known = ", ".join(sorted({*own, *registry.names("terms")})) or "none"
        raise UnknownNameError(f"no term of an objective is named {name!r}; there are: {known}")
    return registry.find("terms", name)


def _check_weight(entry: str, weight: float) -> None:
    number = isinstance(weight, int | float) and not isinstance(weight, bool)
    if not number or not 0 <= weight < math.inf:
        raise SpecError(
            f"the weight of term {entry!r} is {weight!r}, expected a number from 0 up; a term that "
            "hides something already goes down as less is leaked"
        )


def _check_arguments(entry: str, factory: Factory, arguments: tuple[Setting | str, ...]) -> None:
    signature = inspect.signature(factory)
    try:
        signature.bind(*arguments)
    except TypeError:
        takes = [parameter.upper() for parameter in list(signature.parameters)[1:]]
        expected = ":".join([entry.partition(":")[0], *takes])
        raise SpecError(f"the objective names term {entry!r}, expected {expected!r}") from None


def _check_needs(weighted: Weighted, setting: Setting) -> None:
    if weighted.needs_teacher and not setting.teacher:
        raise SpecError(
            f"term {weighted.entry!r} compares with the InfNet's answers to raw training samples, "
            "which are not there: let the forge ask the InfNet about them, or train on labels "
            "with 'cross-entropy'"
        )
    for attribute in weighted.needs_attributes:
        setting.values_of(attribute)
