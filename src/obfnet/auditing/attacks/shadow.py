"""An attacker who never held the device's ObfNet, only others that were forged like it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from obfnet.auditing.attack import Attack
from obfnet.auditing.attacks.mlp import MlpDecoder
from obfnet.auditing.canonical import ENOUGH, PREPARATIONS, Prepare, Stream
from obfnet.auditing.evidence import Known, Pairs, send
from obfnet.auditing.scores import mse
from obfnet.auditing.subject import Subject, Transform
from obfnet.nets.infnet import InfNet
from obfnet.seeds import branch
from obfnet.specs import Labels, Samples

#: How the decoder within is made.
INNER = MlpDecoder


class ShadowDecoder(Attack):
    """One decoder over many shadow ObfNets, judged on an ObfNet it has no pairs of.

    The attacker forges ObfNets as the device's maker does, or takes them from other devices, and
    sends its own samples through each (shadow models: Shokri et al., S&P 2017; query-free inverse
    network: He, Zhang and Lee, ACSAC 2019). Training over many of them is domain randomisation.
    It also sees *messages* of the device, as every eavesdropper does, without their originals:
    enough to bring each ObfNet's x' to a common form, see ``canonical``. What to bring them to is
    chosen on a shadow ObfNet that was held out of training.
    """

    name = "shadow"
    knows = "ObfNets of other devices, and what this one sends"
    needs = frozenset({"kin"})

    def fit(self, known: Known, seed: int) -> None:
        """Train on pairs through kin; no pair of the subject is looked at."""
        self._infnet = known.infnet
        generator = np.random.default_rng(branch(seed, "kin"))
        kin = [known.subject.kin[place] for place in generator.permutation(len(known.subject.kin))]
        # With one only there is nothing to hold out: other samples through it must do.
        held, trained = kin[0], kin[1:] or kin
        originals = np.concatenate([known.train.originals, known.made.originals])
        shadows = [
            _Shadow.of(transform, part, known.infnet)
            for transform, part in zip(trained, _parts(originals, len(trained), known, generator),
                                       strict=True)
        ]  # fmt: skip
        judge = _Shadow.of(held, known.validation.originals, known.infnet)
        effort = replace(known.effort, steps=max(1, known.effort.steps // len(PREPARATIONS)))
        best = float("inf")
        for prepare in PREPARATIONS:
            train = _pairs(shadows, prepare)
            within = replace(
                known,
                train=train,
                made=train.take(np.zeros(0, np.int64)),
                validation=_pairs([judge], prepare),
                effort=effort,
                subject=Subject("kin", held, queries=False),
            )
            decoder = INNER()
            decoder.fit(within, seed)
            error = _error(decoder, within)
            if error < best:
                best, self._prepare, self._decoder = error, prepare, decoder

    def reconstruct(self, released: Samples, answers: Labels) -> Samples:
        """The decoder's output, after the device's messages are brought to the common form."""
        stream = Stream(released, answers, self._infnet.log_probabilities(released))
        return self._decoder.reconstruct(self._prepare(stream), answers)


@dataclass(frozen=True, eq=False)
class _Shadow:
    """What the attacker sent through an ObfNet of its own, and what came out."""

    originals: Samples
    stream: Stream

    @classmethod
    def of(cls, transform: Transform, originals: Samples, infnet: InfNet) -> _Shadow:
        released = send(transform, originals)
        scores = infnet.log_probabilities(released)
        return cls(originals, Stream(released, scores.argmax(1), scores))


def _parts(
    originals: Samples, count: int, known: Known, generator: np.random.Generator
) -> list[Samples]:
    """Samples for each of ``count`` ObfNets: all of them, or what the budget of rows allows."""
    rows = 2 * max(known.effort.pairs, known.effort.mixtures)
    share = min(len(originals), max(ENOUGH, rows // count))
    return [originals[generator.permutation(len(originals))[:share]] for _ in range(count)]


def _pairs(shadows: Sequence[_Shadow], prepare: Prepare) -> Pairs:
    """All shadows' pairs, x' in the common form; labels and attributes are void."""
    originals = np.concatenate([each.originals for each in shadows])
    return Pairs(
        originals,
        np.concatenate([prepare(each.stream) for each in shadows]),
        np.concatenate([each.stream.answers for each in shadows]),
        np.full(len(originals), -1, np.int64),
        {},
    )


def _error(decoder: Attack, within: Known) -> float:
    held = within.validation
    guess = decoder.reconstruct(held.released, held.answers)
    return float(mse(held.originals, guess, within.spec).mean())
