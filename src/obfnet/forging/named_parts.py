"""Mechanism, encoder and decoder that a spec names, with arguments that are checked."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from obfnet.data.dataset import Dataset
from obfnet.errors import ObfNetError, SpecError
from obfnet.forging.loop import build
from obfnet.forging.plan import BY_NAME
from obfnet.forging.recipe import Recipe
from obfnet.forging.spec import ForgeSpec, Named
from obfnet.mechanisms.mechanism import Mechanism, make
from obfnet.mechanisms.none import NoMechanism
from obfnet.registry import find

T = TypeVar("T")


def mechanism_of(spec: Named, classes: int) -> str | Mechanism:
    """A mechanism, or its name where that says it all.

    One that takes codes has one for each class where none are given.

    Raises:
        SpecError: no such mechanism, or arguments it does not take.
    """
    if spec.name in BY_NAME and not spec.arguments:
        return spec.name
    factory = find("mechanisms", spec.name)
    arguments = dict(spec.arguments)
    if "codes" in inspect.signature(factory).parameters:
        arguments.setdefault("codes", classes)
    check_arguments(f"[mechanism] {spec.name}", factory, arguments)
    return _sound(f"[mechanism] {spec.name}", lambda: make(spec.name, arguments))


def nets_of(spec: ForgeSpec, data: Dataset) -> tuple[Recipe | None, Recipe | None]:
    """Encoder and decoder as recipes; None where nothing is said.

    Raises:
        SpecError: no such net, or arguments it does not take.
    """
    mechanism = mechanism_of(spec.mechanism, len(data.classes))
    published = mechanism == "none" or isinstance(mechanism, NoMechanism)
    shape, width = list(data.spec.shape), getattr(mechanism, "width", len(data.classes))
    if published:
        given: dict[str, tuple[str, dict[str, Any], str]] = {
            half: ("obfnets", {"shape": shape}, half) for half in ("encoder", "decoder")
        }
    else:
        low, high = data.spec.low, data.spec.high
        given = {
            "encoder": ("encoders", {"shape": shape, "outputs": width}, ""),
            "decoder": ("decoders", {"width": width, "shape": shape, "low": low, "high": high}, ""),
        }

    def recipe(half: str) -> Recipe | None:
        named: Named | None = getattr(spec, half)
        if named is None and half == "decoder" and published:
            named = spec.encoder  # both halves of one published ObfNet
        if named is None:
            return None
        group, usual, part = given[half]
        place = f"[{half}] {named.name}"
        repeated = sorted(usual.keys() & named.arguments.keys())
        if repeated:
            raise SpecError(f"{place} takes {', '.join(repeated)} from data and mechanism")
        arguments = {**usual, **named.arguments}
        check_arguments(place, find(group, named.name), arguments)
        made = Recipe(group, named.name, arguments, part)
        _sound(place, lambda: build(made, 0))
        return made

    return recipe("encoder"), recipe("decoder")


def check_arguments(place: str, factory: Callable[..., Any], given: Mapping[str, Any]) -> None:
    """Refuse arguments that ``factory`` does not take, or that it lacks.

    Raises:
        SpecError: it names ``place`` and what the factory takes.
    """
    signature = inspect.signature(factory)
    try:
        signature.bind(**given)
    except TypeError as error:
        known = ", ".join(signature.parameters) or "nothing"
        raise SpecError(f"{place}: {error}; it takes {known}") from None


def _sound(place: str, made: Callable[[], T]) -> T:
    """What ``made`` makes, or an error that says where its arguments stand."""
    try:
        return made()
    except ObfNetError:
        raise
    except Exception as error:  # arguments of another type break wherever they are used
        raise SpecError(f"{place} cannot be made of these arguments: {error}") from error
