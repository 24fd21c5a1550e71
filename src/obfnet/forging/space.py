"""What a search may try: each mechanism with every encoder that fits beside its decoder."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from obfnet.errors import SpecError
from obfnet.mechanisms.mechanism import Mechanism
from obfnet.nets.budget import Budget
from obfnet.nets.cost import Cost
from obfnet.nets.families import NOTHING, Ladder, Proposal, ladders


class Place(NamedTuple):
    """One configuration: which mechanism, which of its ladders, which rung."""

    mechanism: int
    ladder: int
    rung: int


@dataclass(frozen=True)
class Shelf:
    """The encoders that fit one mechanism.

    Args:
        mechanism: limits the code; gives the encoder its number of outputs.
        decoder: what its decoder costs.
        ladders: those with a rung that fits, and how many rungs of each do.
    """

    mechanism: Mechanism
    decoder: Cost
    ladders: tuple[tuple[Ladder, int], ...]


@dataclass(frozen=True)
class Space:
    """All configurations of a search; a place is found by three numbers that a sampler draws.

    Args:
        shelves: one for each mechanism that anything fits.
    """

    shelves: tuple[Shelf, ...]

    @property
    def widest(self) -> int:
        """Most ladders of any mechanism."""
        return max(len(shelf.ladders) for shelf in self.shelves)

    def places(self) -> list[Place]:
        """Every configuration."""
        return [
            Place(mechanism, ladder, rung)
            for mechanism, shelf in enumerate(self.shelves)
            for ladder, (_, count) in enumerate(shelf.ladders)
            for rung in range(count)
        ]

    def place(self, mechanism: int, ladder: int, size: float) -> Place:
        """The configuration at ``size`` in [0, 1], from the smallest to the largest that fits."""
        available = self.shelves[mechanism].ladders
        chosen = ladder % len(available)
        count = available[chosen][1]
        return Place(mechanism, chosen, min(int(size * count), count - 1))

    def size(self, place: Place) -> float:
        """The ``size`` that leads to ``place``."""
        return (place.rung + 0.5) / self.shelves[place.mechanism].ladders[place.ladder][1]

    def proposal(self, place: Place) -> Proposal:
        """The encoder at ``place``."""
        return self.shelves[place.mechanism].ladders[place.ladder][0].proposal(place.rung)

    def describe(self) -> str:
        """JSON that differs wherever two spaces do."""
        return json.dumps(
            [
                [
                    title(shelf.mechanism),
                    asdict(shelf.decoder),
                    [
                        [ladder.encoder, ladder.shape, ladder.outputs, ladder.rungs[:count]]
                        for ladder, count in shelf.ladders
                    ],
                ]
                for shelf in self.shelves
            ]
        )


def space(
    shape: tuple[int, ...],
    mechanisms: Sequence[Mechanism],
    budget: Budget,
    kind: str,
    depths: Sequence[int],
    decoder: Callable[[Mechanism], Cost] | None,
) -> Space:
    """All that fits; see :func:`obfnet.forging.search.search` for the arguments.

    Raises:
        SpecError: no mechanism, one without a width, or nothing fits.
    """
    shelves = []
    for mechanism in mechanisms:
        if mechanism.width is None:
            raise SpecError(
                f"the mechanism {mechanism.name!r} takes a code of any width: "
                "a search needs mechanisms that fix it, such as codebook or bits"
            )
        besides = NOTHING if decoder is None else decoder(mechanism)
        found = [
            (ladder, count)
            for depth in depths
            for ladder in ladders(shape, mechanism.width, kind, depth)
            if (count := ladder.fitting(budget, besides))
        ]
        if found:
            shelves.append(Shelf(mechanism, besides, tuple(found)))
    if not shelves:
        tried = ", ".join(map(title, mechanisms)) or "none were given"
        raise SpecError(
            f"no encoder for {shape} fits a budget of {budget} with any of the mechanisms "
            f"({tried}): raise the budget, or propose() says what the smallest costs"
        )
    return Space(tuple(shelves))


def title(mechanism: Mechanism) -> str:
    """A mechanism's name and arguments, e.g. ``codebook {"codes": 10}``."""
    fields: dict[str, Any] = asdict(mechanism)  # type: ignore[call-overload]
    return f"{mechanism.name} {json.dumps(fields, sort_keys=True)}"
