"""How a device's releases add up: more samples, repeats of one, several ObfNets."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from obfnet.errors import SpecError
from obfnet.mechanisms.certificate import Certificate
from obfnet.mechanisms.mechanism import Mechanism

Policy = Literal["random", "pinned"]


def compose(
    mechanism: Mechanism,
    samples: int = 1,
    repeats: int = 1,
    obfnets: int = 1,
    policy: Policy = "random",
) -> Certificate:
    """The bound over everything a device sends.

    Args:
        mechanism: of every ObfNet in the set.
        samples: distinct samples; a stream of similar samples counts each one.
        repeats: how often each of them is sent.
        obfnets: size of the device's set.
        policy: ``random`` draws an ObfNet for each release; ``pinned`` derives ObfNet and noise
            from a keyed hash of the sample, so a repeat releases the same code again.

    Raises:
        SpecError: a count below 1, or another policy.
    """
    counts = {"samples": samples, "repeats": repeats, "obfnets": obfnets}
    for name, count in counts.items():
        if count < 1:
            raise SpecError(f"composition needs {name} >= 1, got {count}")
    if policy not in ("random", "pinned"):
        raise SpecError(f"policy is 'random' or 'pinned', got {policy!r}")
    once = mechanism.certificate()
    if policy == "pinned" or repeats == 1:
        return once.times(samples)
    # Two bounds hold: every release counts alone; or every ObfNet that was drawn counts once,
    # as if all repeats had gone through it.
    alone = once.times(repeats)
    drawn = mechanism.certificate(repeats).times(min(repeats, obfnets))
    return _tighter(alone, drawn).times(samples)


def _tighter(one: Certificate, other: Certificate) -> Certificate:
    def least(first: float | None, second: float | None) -> float | None:
        known = [value for value in (first, second) if value is not None]
        return min(known) if known else None

    return replace(
        one,
        bits=min(one.bits, other.bits),
        guessing_factor=min(one.guessing_factor, other.guessing_factor),
        guessing_factor_given_label=least(
            one.guessing_factor_given_label, other.guessing_factor_given_label
        ),
        epsilon=least(one.epsilon, other.epsilon),
    )
