"""Encoders under one budget: families scaled by one number, and the best member that fits."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import torch
from torch import nn

from obfnet.errors import SpecError
from obfnet.nets.budget import Budget
from obfnet.nets.cost import Cost, cost, parameters
from obfnet.nets.mlp import MlpEncoder
from obfnet.nets.separable import LEAST_SIDE, SeparableEncoder
from obfnet.nets.temporal import LEAST_FRAMES, TemporalEncoder

Arguments = Mapping[str, Any]
#: Stem channels of the separable encoder's default, and the greatest scale of a convolutional one.
USUAL, GREATEST = 16, 128
#: A picture is averaged first only while this much of its shorter side is left.
LEAST_SHRUNK = 24
#: Up to so many parameters a net is counted in real, uninitialised memory, which is faster.
REAL = 1_000_000
#: No cost at all.
NOTHING = Cost(0, 0, 0)


@dataclass(frozen=True)
class Proposal:
    """One member of a family; everything that is needed to make it, and what it costs.

    Args:
        encoder: name it is registered under.
        shape: of a sample.
        outputs: length of the code.
        arguments: the encoder's other arguments.
        cost: of the encoder alone.
    """

    encoder: str
    shape: tuple[int, ...]
    outputs: int
    arguments: Arguments
    cost: Cost

    @property
    def factory(self) -> Callable[[], nn.Module]:
        """Makes an untrained encoder; may be pickled on its way to a worker."""
        encoder = FAMILIES[self.encoder].encoder
        return partial(encoder, self.shape, self.outputs, **self.arguments)


@dataclass(frozen=True)
class Ladder:
    """Members of a family from small to large; each costs more than the last in every way.

    Args:
        encoder: name of the family.
        shape: of a sample.
        outputs: length of the code.
        rungs: arguments of each member.
    """

    encoder: str
    shape: tuple[int, ...]
    outputs: int
    rungs: tuple[Arguments, ...]

    def proposal(self, rung: int) -> Proposal:
        """The member on ``rung``, its cost counted."""
        arguments = self.rungs[rung]
        found = _cost(self.encoder, self.shape, self.outputs, tuple(arguments.items()))
        return Proposal(self.encoder, self.shape, self.outputs, arguments, found)

    def fitting(self, budget: Budget, besides: Cost = NOTHING) -> int:
        """How many rungs, from the first, fit ``budget`` together with what costs ``besides``."""
        return bisect_left(
            range(len(self.rungs)),
            True,
            key=lambda rung: not budget.fits(self.proposal(rung).cost + besides),
        )


@dataclass(frozen=True)
class Family:
    """Encoders of one kind.

    Args:
        encoder: ``(shape, outputs, **arguments)`` to a module.
        ladders: ``(shape, depth)`` to ladders of arguments; the first rung of the last ladder
            is the smallest member.
        rank: how capable a member is, greater is better; it rises along a ladder.
    """

    encoder: Callable[..., nn.Module]
    ladders: Callable[[tuple[int, ...], int], list[tuple[Arguments, ...]]]
    rank: Callable[[Proposal], tuple[float, ...]]


def propose(shape: tuple[int, ...], outputs: int, budget: Budget, kind: str = "image") -> Proposal:
    """The most capable encoder that fits ``budget``; the same one on every call.

    Capable is, for pictures and for MFCC, the encoder with the most multiply-accumulates that
    fits. A picture so large that its budget would leave less than the usual 16 channels is
    averaged over 2x2 or 4x4 cells first: the least averaging that leaves 16 channels, or else
    what leaves the most. For other samples it is the widest hidden layer.

    Args:
        shape: of a sample.
        outputs: length of the code.
        budget: what the device can spare for the encoder.
        kind: ``"image"``, ``"mfcc"``, or ``"plain"`` for anything else. A sample that cannot be
            convolved, such as a picture below 8x8, is plain whatever its kind.

    Raises:
        SpecError: nothing fits; the message says what the smallest member costs.
    """
    found = ladders(shape, outputs, kind)
    tops = [ladder.proposal(count - 1) for ladder in found if (count := ladder.fitting(budget))]
    if not tops:
        least = found[-1].proposal(0)
        raise SpecError(
            f"no {least.encoder} encoder of {outputs} outputs for {shape} fits a budget of "
            f"{budget}: the smallest has {least.cost}; raise the budget to that"
        )
    return max(tops, key=FAMILIES[tops[0].encoder].rank)


def ladders(
    shape: tuple[int, ...], outputs: int, kind: str = "image", depth: int = 1
) -> list[Ladder]:
    """The ladders of the family that takes samples of ``shape`` and ``kind``.

    Args:
        shape: of a sample.
        outputs: length of the code.
        kind: as for :func:`propose`.
        depth: blocks in each stage, or hidden layers.

    Raises:
        SpecError: no such kind, or something below 1.
    """
    if kind not in KINDS:
        raise SpecError(f"expected a kind of {', '.join(KINDS)}, got {kind!r}")
    if not shape or min(*shape, outputs, depth) < 1:
        raise SpecError(f"expected 1 or more of each, got {shape}, {outputs} outputs, {depth=}")
    name = KINDS[kind](shape)
    return [Ladder(name, shape, outputs, rungs) for rungs in FAMILIES[name].ladders(shape, depth)]


@lru_cache(maxsize=4096)  # a search asks for the same members again and again
def _cost(
    encoder: str, shape: tuple[int, ...], outputs: int, arguments: tuple[tuple[str, Any], ...]
) -> Cost:
    with torch.device("meta"):  # neither memory nor random numbers for what is only counted
        module = FAMILIES[encoder].encoder(shape, outputs, **dict(arguments))
    if parameters(module) <= REAL:
        module = module.to_empty(device="cpu")
    return cost(module, shape)


def _scales(least: int, greatest: int) -> Iterable[int]:
    """Every number up to 16, then steps of an eighth of the power of two below."""
    scale = least
    while scale <= greatest:
        yield scale
        scale += max(1, 2 ** (scale.bit_length() - 1) // 8)


def _separable(shape: tuple[int, ...], depth: int) -> list[tuple[Arguments, ...]]:
    side = min(shape[1:])
    shrinks = [1, *(shrink for shrink in (2, 4) if side // shrink >= LEAST_SHRUNK)]
    return [
        tuple(
            {"widths": (n, 2 * n, 3 * n, 4 * n), "depth": depth, "shrink": shrink}
            for n in _scales(3, GREATEST)
        )
        for shrink in shrinks
    ]


def _temporal(_shape: tuple[int, ...], depth: int) -> list[tuple[Arguments, ...]]:
    scales = _scales(2, GREATEST)
    return [tuple({"widths": (2 * n, 3 * n, 4 * n, 5 * n), "depth": depth} for n in scales)]


def _mlp(_shape: tuple[int, ...], depth: int) -> list[tuple[Arguments, ...]]:
    return [tuple({"hidden": (n,) * depth} for n in _scales(4, 4096))]


def _channels_then_place_then_macs(proposal: Proposal) -> tuple[float, ...]:
    channels = min(proposal.arguments["widths"][0], USUAL)
    return (channels, -proposal.arguments["shrink"], proposal.cost.macs)


def _macs(proposal: Proposal) -> tuple[float, ...]:
    return (proposal.cost.macs,)


#: By the name each encoder is registered under.
FAMILIES = {
    "separable": Family(SeparableEncoder, _separable, _channels_then_place_then_macs),
    "temporal": Family(TemporalEncoder, _temporal, _macs),
    "mlp": Family(MlpEncoder, _mlp, _macs),
}

#: Which of them takes a sample of this shape.
KINDS: dict[str, Callable[[tuple[int, ...]], str]] = {
    "image": lambda shape: (
        "separable" if len(shape) == 3 and min(shape[1:]) >= LEAST_SIDE else "mlp"
    ),
    "photo": lambda shape: KINDS["image"](shape),
    "mfcc": lambda shape: "temporal" if len(shape) == 3 and shape[2] >= LEAST_FRAMES else "mlp",
    "plain": lambda _shape: "mlp",
}
