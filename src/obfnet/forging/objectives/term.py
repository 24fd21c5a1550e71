"""What a term of an objective is, and what it is told when it is built."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor

from obfnet.errors import SpecError
from obfnet.forging.objectives.batch import Batch


class Term(Protocol):
    """One loss for each of K nets; a plain function will do.

    A term with weights of its own is a torch module. One that reads ``batch.teacher`` has an
    attribute ``needs_teacher = True``; one that reads private attributes names them in
    ``needs_attributes``.
    """

    def __call__(self, batch: Batch) -> Tensor:
        """Losses ``(K,)``; lower is better for the forge."""


#: Makes a term from a setting and, where the entry has one, the argument behind its colon.
Factory = Callable[..., Term]


@dataclass(frozen=True)
class Setting:
    """What a term is built for.

    Args:
        nets: K.
        released_width: k, the length of the relaxed released code.
        shape: shape of one sample.
        classes: number of classes that the InfNet answers with.
        seeds: one for each net, from the seed tree.
        attributes: how many values each private attribute of the data has.
        teacher: whether I(x) can be had for the training samples.

    Raises:
        SpecError: a count below 1, or not one seed for each net.
    """

    nets: int
    released_width: int
    shape: tuple[int, ...]
    classes: int
    seeds: tuple[int, ...]
    attributes: Mapping[str, int] = field(default_factory=dict)
    teacher: bool = True

    def __post_init__(self) -> None:
        if min(self.nets, self.released_width, self.classes, *self.shape) < 1:
            raise SpecError(f"expected nets, released_width, classes and shape >= 1, got {self}")
        if len(self.seeds) != self.nets:
            raise SpecError(f"expected one seed for each of {self.nets} nets, got {self.seeds}")

    def values_of(self, attribute: str) -> int:
        """How many values the private ``attribute`` has.

        Raises:
            SpecError: the data has no such attribute.
        """
        if attribute not in self.attributes:
            known = ", ".join(sorted(self.attributes)) or "none"
            raise SpecError(
                f"the data has no private attribute {attribute!r} (it has: {known}): name one of "
                "these, or give the dataset's `attributes` a column of that name"
            )
        return self.attributes[attribute]
