"""Detectability: how well an observer tells obfuscated samples from raw ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from obfnet.auditing.evidence import Transform, send
from obfnet.auditing.intervals import Interval, Values
from obfnet.auditing.ranking import auc, auc_interval
from obfnet.data.dataset import Dataset
from obfnet.data.splits import Splits
from obfnet.forging.loop import Schedule, build, fit
from obfnet.seeds import branch
from obfnet.specs import Samples

#: Gives each sample ``(n, *shape)`` a score ``(n,)``: higher is more likely to be x'.
Detector = Callable[[Samples], Values]
SCHEDULE = Schedule(epochs=15, batch=128, rate=2e-3, patience=4)


@dataclass(frozen=True, eq=False)
class Watched:
    """Samples and what a transform made of them, for each both; ``(n, *shape)`` each."""

    raw: Samples
    released: Samples


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

    def watch(indices: Samples | np.ndarray) -> Watched:
        raw = data.samples[indices]
        return Watched(raw, send(transform, raw))

    train = watch(draw(splits.attacker_train)[:most_train])
    held = watch(draw(splits.attacker_validation)[:most_train])
    judged = watch(splits.evaluation)
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


def memory(train: Watched, held: Watched, schedule: Schedule, seed: int) -> Detector:
    """How often a sample was among the x' seen, less how often among the raw ones."""
    seen = Counter(_marks(train.released))
    seen.subtract(_marks(train.raw))
    return lambda samples: np.array([seen[mark] for mark in _marks(samples)], np.float64)


def net(train: Watched, held: Watched, schedule: Schedule, seed: int) -> Detector:
    """A small net, convolutional where samples are pictures, trained on raw against x'."""
    both = np.concatenate([train.raw, train.released])
    mean, scale = float(both.mean()), float(both.std()) or 1.0
    seen = torch.from_numpy((both - mean) / scale)
    kind = torch.arange(len(both)).ge(len(train.raw)).float()
    module = build(lambda: _classifier(both.shape[1:]), seed)

    def detector(samples: Samples) -> Values:
        parts = torch.from_numpy((samples - mean) / scale).split(1024)
        with torch.inference_mode():
            scores: Values = torch.cat([module(part) for part in parts]).double().numpy()
        return scores

    fit(
        module,
        loss=lambda indices: binary_cross_entropy_with_logits(module(seen[indices]), kind[indices]),
        score=lambda: auc(detector(held.raw), detector(held.released)),
        count=len(seen),
        schedule=schedule,
        seed=seed,
        label="detector",
    )
    return detector


DETECTORS: dict[str, Callable[[Watched, Watched, Schedule, int], Detector]] = {
    "net": net,
    "memory": memory,
}


class _Pooled(nn.Module):
    """The mean and the greatest value of each channel, ``(n, 2 * channels)``."""

    def forward(self, maps: Tensor) -> Tensor:
        return torch.cat([maps.mean((2, 3)), maps.amax((2, 3))], dim=1)


def _classifier(shape: tuple[int, ...]) -> nn.Module:
    """Samples ``(n, *shape)`` to one logit each ``(n,)``."""
    if len(shape) == 3:
        layers = [
            nn.Conv2d(shape[0], 16, 3, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Conv2d(32, 32, 3, stride=2, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            _Pooled(),
            nn.Linear(64, 1),
        ]
    else:
        layers = [
            nn.Flatten(),
            nn.Linear(int(np.prod(shape)), 128),
            nn.BatchNorm1d(128),
            nn.ReLU(),
            nn.Linear(128, 128),
            nn.BatchNorm1d(128),
            nn.ReLU(),
            nn.Linear(128, 1),
        ]
    return nn.Sequential(*layers, nn.Flatten(0))


def _marks(samples: Samples) -> list[bytes]:
    return [sample.tobytes() for sample in np.ascontiguousarray(samples)]
