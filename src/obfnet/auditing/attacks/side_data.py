"""Attackers with little or no data of their own: how few samples it takes to learn an inverse."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

import numpy as np

from obfnet.auditing.attack import Attack, Need
from obfnet.auditing.attacks.mlp import MlpDecoder
from obfnet.auditing.evidence import Known
from obfnet.auditing.joining import joined
from obfnet.auditing.synthetic import colours, strokes, variants
from obfnet.errors import NotMeasurableError
from obfnet.seeds import branch
from obfnet.specs import Labels, Samples

#: The decoder that each of them trains.
DECODER: Callable[[], Attack] = MlpDecoder
#: Pairs to choose by at least, where the attacker may make some.
HELD = 64


class SideData(Attack):
    """Hands a decoder what such an attacker has, and nothing else; a subclass says what."""

    @abstractmethod
    def restrict(self, known: Known, seed: int) -> Known:
        """``known`` with other pairs: to train with, and to choose by."""

    def fit(self, known: Known, seed: int) -> None:
        """Train the decoder on the restricted knowledge."""
        self._decoder = DECODER()
        self._decoder.fit(self.restrict(known, branch(seed, "side data")), seed)

    def reconstruct(self, released: Samples, answers: Labels) -> Samples:
        """The decoder's output for each x' and label."""
        return self._decoder.reconstruct(released, answers)


class FewPairs(SideData):
    """The first n of the attacker's pairs; where it may send samples, variants of them as well.

    A fifth of the n is kept to choose by. From a single sample, held-out variants are.
    """

    count: ClassVar[int]

    def restrict(self, known: Known, seed: int) -> Known:
        """Keep n pairs and what can be made of them.

        Raises:
            NotMeasurableError: the attacker has fewer than n anyway.
        """
        own = known.train
        if len(own) < self.count:
            raise NotMeasurableError(
                f"the attacker has {len(own)} pairs, expected {self.count}: the other attacks "
                "have no more"
            )
        chosen = np.random.default_rng(seed).permutation(len(own))[: self.count]
        kept = self.count // 5
        held, train = own.take(chosen[:kept]), own.take(chosen[kept:])
        made = train.take(_none())
        more = known.effort.mixtures - self.count if known.subject.queries else 0
        if more > 0:
            made = known.sent(variants(train.originals, more, branch(seed, "train")))
            source = held if kept else train
            few = max(0, min(HELD, more) - kept)
            # Each second one is moved; of a single sample the others are the sample itself.
            again = variants(source.originals, 2 * few, branch(seed, "held"))[::2]
            held = joined(held, known.sent(again))
        elif not kept:
            # Nothing to choose by, and normalisation over a batch wants more than one row.
            train = held = train.take(np.zeros(HELD, np.int64))
        return replace(known, train=train, made=made, validation=held)


class OnePair(FewPairs):
    """A single pair."""

    name = "pairs-1"
    knows = "1 pair (x, x'), what it makes of that sample by queries, and the label"
    count = 1


class TenPairs(FewPairs):
    """Ten pairs."""

    name = "pairs-10"
    knows = "10 pairs (x, x'), what it makes of those samples by queries, and the label"
    count = 10


class HundredPairs(FewPairs):
    """A hundred pairs."""

    name = "pairs-100"
    knows = "100 pairs (x, x'), what it makes of those samples by queries, and the label"
    count = 100


class ThousandPairs(FewPairs):
    """A thousand pairs."""

    name = "pairs-1000"
    knows = "1,000 pairs (x, x'), what it makes of those samples by queries, and the label"
    count = 1000


class Shifted(SideData):
    """Samples of another distribution: of half of the classes, judged on all.

    What the decoder has learnt of the transform must carry over to classes it never saw.
    """

    name = "shifted"
    knows = "pairs (x, x') of half of the classes, variants of them by queries, and the label"

    def restrict(self, known: Known, seed: int) -> Known:
        """Keep the pairs whose answer is of a random half of the answers that occur.

        Raises:
            NotMeasurableError: one answer only, so there is no half, or too few pairs of them.
        """
        present = np.unique(known.train.answers)
        half = np.random.default_rng(seed).permutation(present)[: len(present) // 2]
        parts = [
            part.take(np.flatnonzero(np.isin(part.answers, half)))
            for part in (known.train, known.validation)
        ]
        if min(map(len, parts)) < 2:
            raise NotMeasurableError(
                f"{len(present)} answers occur, and {min(map(len, parts))} pairs of half of them: "
                "nothing to learn from"
            )
        train, held = parts
        made = train.take(_none())
        more = known.effort.mixtures - len(train) if known.subject.queries else 0
        if more > 0:
            made = known.sent(variants(train.originals, more, branch(seed, "train")))
        return replace(known, train=train, made=made, validation=held)


class Made(SideData):
    """No real sample at all: draws samples and sends them."""

    needs: ClassVar[frozenset[Need]] = frozenset({"queries"})

    @abstractmethod
    def draw(self, known: Known, count: int, seed: int) -> Samples:
        """``count`` samples ``(count, *shape)`` of its making."""

    def restrict(self, known: Known, seed: int) -> Known:
        """Pairs of drawn samples only, as many as other attackers have real ones."""
        pairs = known.effort.pairs
        train = known.sent(self.draw(known, max(HELD, pairs), branch(seed, "train")))
        held = known.sent(self.draw(known, max(HELD, pairs // 8), branch(seed, "held")))
        return replace(known, train=train, made=train.take(_none()), validation=held)


class Colours(Made):
    """Solid colours only, sent through the transform."""

    name = "colours"
    knows = "no sample; sends solid colours, and knows the label"

    def draw(self, known: Known, count: int, seed: int) -> Samples:
        """Samples of one level in each channel."""
        return colours(known.spec, known.kind, count, seed)


class Strokes(Made):
    """Drawn strokes or patterns only, sent through the transform."""

    name = "strokes"
    knows = "no sample; sends strokes or patterns drawn at random, and knows the label"

    def draw(self, known: Known, count: int, seed: int) -> Samples:
        """Pictures of strokes, or smooth patterns."""
        return strokes(known.spec, known.kind, count, seed)


def _none() -> Labels:
    return np.zeros(0, np.int64)
