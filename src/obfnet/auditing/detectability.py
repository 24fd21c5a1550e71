"""Detectability: how well an observer tells obfuscated samples from raw ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from obfnet.auditing.detectors import DETECTORS, Watched
from obfnet.auditing.evidence import send
from obfnet.auditing.intervals import Interval
from obfnet.auditing.ranking import auc, auc_interval
from obfnet.auditing.subject import Transform
from obfnet.data.dataset import Dataset
from obfnet.data.splits import Splits
from obfnet.forging.loop import Schedule
from obfnet.seeds import branch
from obfnet.specs import Labels

SCHEDULE = Schedule(epochs=15, batch=128, rate=2e-3, patience=4)


@dataclass(frozen=True)
class Tried:
    """How one detector did.

    Args:
        detector: its name.
        auc: probability that it ranks an x' above a raw sample, on evaluation samples; 1/2 is
            a coin, 1 tells every sample.
        auc_ci: its 95 % bootstrap interval.
        validation_auc: the same on the attacker's validation samples, by which it is chosen.
    """

    detector: str
    auc: float
    auc_ci: Interval
    validation_auc: float


@dataclass(frozen=True)
class Detected:
    """How well x' can be told from raw samples by who knows the transform.

    Args:
        auc: of the best detector, chosen on the attacker's validation samples.
        auc_ci: its 95 % bootstrap interval over evaluation samples.
        detector: its name.
        each: every detector that was tried.
    """

    auc: float
    auc_ci: Interval
    detector: str
    each: tuple[Tried, ...]


def detectability(
    transform: Transform,
    data: Dataset,
    splits: Splits,
    seed: int,
    most_train: int = 10_000,
    schedule: Schedule = SCHEDULE,
) -> Detected:
    """Measure how well detectors tell x' from raw samples, one sample at a time.

    The observer knows the transform and has raw samples of the same distribution. Two detectors
    are tried: a small net trained on raw against x', and a memory of the samples the transform
    was seen to release (a codebook's rows come again and again). Neither uses an InfNet.

    A detector that sees the same x' twice in a stream, or knows the public pool that decoys
    were taken from, needs no training at all: see ``docs/rows.md``.

    Args:
        transform: any callable from samples ``(n, *shape)`` to the same shape.
        data: samples; labels and attributes are not used.
        splits: the attacker's parts train and choose, the evaluation part is judged on.
        seed: fixes the detectors; a transform that draws at random does so anew.
        most_train: at most this many of the attacker's samples of each kind.
        schedule: how long the net is trained.

    Raises:
        NotMeasurableError: x' has another shape or dtype, or holds NaN or infinity.
    """
    draw = np.random.default_rng(branch(seed, "detectability")).permutation

    def watch(indices: Labels) -> Watched:
        raw = data.samples[indices]
        return Watched(raw, send(transform, raw))

    train = watch(draw(splits.attacker_train)[:most_train])
    held = watch(draw(splits.attacker_validation)[:most_train])
    return detect(train, held, watch(splits.evaluation), seed, schedule)


def detect(
    train: Watched, held: Watched, judged: Watched, seed: int, schedule: Schedule
) -> Detected:
    """The same of samples that went through the transform already.

    Args:
        train: what detectors learn from.
        held: what checkpoints and the best detector are chosen by.
        judged: what they are judged on.
        seed: fixes the detectors.
        schedule: how long the net is trained.
    """
    each = []
    for name, make in DETECTORS.items():
        detector = make(train, held, schedule, branch(seed, name))
        raw, released = detector(judged.raw), detector(judged.released)
        each.append(
            Tried(
                name,
                auc(raw, released),
                auc_interval(raw, released, branch(seed, "bootstrap")),
                auc(detector(held.raw), detector(held.released)),
            )
        )
    best = max(each, key=lambda tried: tried.validation_auc)
    return Detected(best.auc, best.auc_ci, best.detector, tuple(each))
