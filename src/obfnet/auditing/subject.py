"""What is audited: a transform, and whatever else is known about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from obfnet.mechanisms.mechanism import Mechanism
from obfnet.nets.cost import Cost
from obfnet.specs import Samples

#: Samples ``(n, *shape)`` to obfuscated samples of the same shape, or of a subject's own.
Transform = Callable[[Samples], Samples]


@dataclass(frozen=True, eq=False)
class Subject:
    """A transform under audit. Kerckhoffs: what stands here, the attacker knows.

    Args:
        name: in tables.
        transform: sends samples through.
        queries: whether the attacker may send samples of its own; False for pairs that were
            recorded elsewhere.
        gradients: its differentiable form, samples ``(n, *shape)`` to x', or None. Where the
            transform itself has no gradients, a smooth stand-in for it.
        mechanism: what limits the code, None where nothing does.
        members: each ObfNet of a set by itself; empty where there is only one.
        kin: ObfNets of other devices, forged in the same way, that an attacker holds who does
            not hold this one.
        cost: on the device, of one ObfNet.
        twin_accuracy: of a classifier of the same cost on the device alone.
        released: shape of x' where it is not that of a sample, as of features that a partitioned
            net sends. The InfNet then takes samples *and* x', and attacks that need both to be
            alike have no number.
    """

    name: str
    transform: Transform
    queries: bool = True
    gradients: Callable[[Tensor], Tensor] | None = None
    mechanism: Mechanism | None = None
    members: tuple[Transform, ...] = ()
    kin: tuple[Transform, ...] = ()
    cost: Cost | None = None
    twin_accuracy: float | None = None
    released: tuple[int, ...] | None = None


def raw() -> Subject:
    """Samples that nothing protects: what every attack must succeed on first.

    Other devices send theirs as they are, too.
    """

    def unchanged(samples: Samples) -> Samples:
        return samples

    return Subject("raw", unchanged, gradients=lambda samples: samples, kin=(unchanged, unchanged))
