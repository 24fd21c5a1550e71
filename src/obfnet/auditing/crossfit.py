"""Answers for the attacker's own pairs by a decoder that never saw them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from obfnet.auditing.attack import Attack
from obfnet.auditing.evidence import Known, Pairs, mixtures
from obfnet.auditing.joining import joined
from obfnet.seeds import branch
from obfnet.specs import Labels, Samples


@dataclass(frozen=True, eq=False)
class Decoded:
    """Two decoders, each of one half of the pairs, and their answers for the other half.

    Whatever learns from answers of a decoder for its own training pairs trusts it too much
    (stacked generalisation: Wolpert 1992).

    Args:
        decoders: both.
        pairs: all pairs; those of the attacker's making come last.
        real: how many of them are not of its making.
        guess: the other half's decoder's answers, ``(len(pairs), *shape)``.
    """

    decoders: tuple[Attack, Attack]
    pairs: Pairs
    real: int
    guess: Samples

    def __call__(self, released: Samples, answers: Labels) -> Samples:
        """Mean answer ``(n, *shape)`` of both decoders for pairs that neither has seen."""
        one, other = (each.reconstruct(released, answers) for each in self.decoders)
        return np.asarray((one + other) / 2, np.float32)


def crossfit(decoder: Callable[[], Attack], known: Known, share: float, seed: int) -> Decoded:
    """Train two decoders, for a ``share`` of an effort's steps together."""
    effort = replace(known.effort, steps=max(1, round(known.effort.steps * share / 2)))
    order = np.random.default_rng(branch(seed, "halves")).permutation(len(known.train))
    middle = max(1, len(order) // 2)
    # Who has one pair trains on it twice.
    chosen = (order[:middle], order[middle:] if len(order) > 1 else order)
    halves = []
    for number, indices in enumerate(chosen):
        train = known.train.take(indices)
        made = known.made.take(np.zeros(0, np.int64))
        if len(known.made):  # mixtures hold samples of both halves: each half mixes its own
            count = len(known.made) // 2
            made = known.sent(mixtures(train.originals, count, branch(seed, "mixtures", number)))
        halves.append(replace(known, train=train, made=made, effort=effort))
    first, second = decoder(), decoder()
    first.fit(halves[0], branch(seed, "decoder", 0))
    second.fit(halves[1], branch(seed, "decoder", 1))
    parts = [
        (part, trained)
        for kind in ("train", "made")
        for half, trained in zip(halves, (second, first), strict=True)
        if len(part := getattr(half, kind))
    ]
    return Decoded(
        (first, second),
        joined(*(part for part, _ in parts)),
        sum(len(half.train) for half in halves),
        np.concatenate([who.reconstruct(part.released, part.answers) for part, who in parts]),
    )
