"""What a device can spare for an ObfNet: an upper bound on each part of its cost."""

from __future__ import annotations

from dataclasses import dataclass, fields

from obfnet.errors import SpecError
from obfnet.nets.cost import Cost


@dataclass(frozen=True)
class Budget:
    """Upper bounds, each positive, or None for no bound.

    Args:
        params: learned values.
        macs: multiply-accumulates for one sample.
        bytes: of the numbers as float32, parameters and batch statistics together, counted
            before anything is folded or quantised (:func:`obfnet.nets.cost.stored_bytes`).

    Raises:
        SpecError: a bound of zero or less.
    """

    params: int | None = None
    macs: int | None = None
    bytes: int | None = None

    def __post_init__(self) -> None:
        for name, bound in self._bounds():
            if bound is not None and bound <= 0:
                raise SpecError(f"expected a positive bound on {name} or None, got {bound}")

    def fits(self, cost: Cost) -> bool:
        """Whether ``cost`` exceeds no bound."""
        return all(bound is None or getattr(cost, name) <= bound for name, bound in self._bounds())

    def __str__(self) -> str:
        bounds = [f"{name} <= {bound:,}" for name, bound in self._bounds() if bound is not None]
        return ", ".join(bounds) or "no bound"

    def _bounds(self) -> list[tuple[str, int | None]]:
        return [(field.name, getattr(self, field.name)) for field in fields(self)]
