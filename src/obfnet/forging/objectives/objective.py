"""The objective of forging: a weighted sum of named terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from obfnet.errors import SpecError
from obfnet.forging.objectives.batch import Batch
from obfnet.forging.objectives.term import Term


@dataclass(frozen=True, eq=False)
class Weighted:
    """A term with its weight.

    Args:
        entry: as it stands in the spec, e.g. ``attribute:speaker``.
        weight: finite and above 0.
        term: what is weighed.
    """

    entry: str
    weight: float
    term: Term

    @property
    def needs_teacher(self) -> bool:
        """Whether the term reads ``batch.teacher``."""
        return bool(getattr(self.term, "needs_teacher", False))

    @property
    def needs_attributes(self) -> tuple[str, ...]:
        """The private attributes that the term reads."""
        return tuple(getattr(self.term, "needs_attributes", ()))


class Objective(nn.Module):
    """Total loss ``(K,)`` of K nets; its parameters are those of the terms' adversaries.

    Adversaries learn from the same backward pass as the encoders: give ``parameters()`` to the
    same optimiser. Made by ``build``.

    Args:
        terms: at least one.
        nets: K.

    Attributes:
        needs_teacher: whether a batch must hold I(x).
        needs_attributes: the private attributes that a batch must hold, sorted.
    """

    def __init__(self, terms: Sequence[Weighted], nets: int) -> None:
        super().__init__()
        self._terms = tuple(terms)
        self._nets = nets
        self.adversaries = nn.ModuleList(
            weighted.term for weighted in terms if isinstance(weighted.term, nn.Module)
        )
        self.needs_teacher = any(weighted.needs_teacher for weighted in terms)
        self.needs_attributes = tuple(
            sorted({name for weighted in terms for name in weighted.needs_attributes})
        )

    @property
    def betas(self) -> tuple[float, float]:
        """The decay rates that suit Adam: little momentum where encoder and adversary play.

        With momentum each runs past the other, and the encoder turns what it should hide instead
        of hiding it (Gidel et al. 2019; Radford, Metz and Chintala 2016 use the same .5).
        """
        return (0.5, 0.999) if len(self.adversaries) else (0.9, 0.999)

    def forward(self, batch: Batch) -> Tensor:
        """Total losses ``(K,)``; their sum is what is differentiated.

        Raises:
            SpecError: as ``terms``.
        """
        return self.total(self.terms(batch))

    def total(self, values: Mapping[str, Tensor]) -> Tensor:
        """The weighted sum ``(K,)`` of what ``terms`` gave, for who wants both."""
        parts = [weighted.weight * values[weighted.entry] for weighted in self._terms]
        return sum(parts[1:], start=parts[0])

    def terms(self, batch: Batch) -> dict[str, Tensor]:
        """The value ``(K,)`` of each term by its entry in the spec, without its weight.

        Raises:
            SpecError: the batch is for another number of nets or lacks what a term needs, or a
                term does not give one value for each net.
        """
        self._check(batch)
        values = {weighted.entry: weighted.term(batch) for weighted in self._terms}
        for entry, value in values.items():
            if value.shape != (self._nets,):
                raise SpecError(
                    f"term {entry!r} gave shape {tuple(value.shape)}, expected ({self._nets},): "
                    "one loss for each net, never a mean over nets"
                )
        return values

    def extra_repr(self) -> str:
        """The recipe, e.g. ``1 cross-entropy + 0.5 attribute:speaker``."""
        return " + ".join(f"{weighted.weight:g} {weighted.entry}" for weighted in self._terms)

    def _check(self, batch: Batch) -> None:
        if len(batch.answers) != self._nets or len(batch.released) != self._nets:
            raise SpecError(
                f"the objective is for {self._nets} nets, the batch holds answers for "
                f"{len(batch.answers)} and codes for {len(batch.released)}"
            )
        if self.needs_teacher and batch.teacher is None:
            raise SpecError("the objective needs_teacher: give the batch I(x) as `teacher`")
        missing = [name for name in self.needs_attributes if name not in batch.attributes]
        if missing:
            raise SpecError(f"the objective needs_attributes {missing}: give them to the batch")
