"""Detectors: what gives a sample a score that is higher for x' than for raw samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from obfnet.auditing.intervals import Values
from obfnet.auditing.ranking import auc
from obfnet.forging.loop import Schedule, build, fit
from obfnet.specs import Samples

#: Gives each sample ``(n, *shape)`` a score ``(n,)``: higher is more likely to be x'.
Detector = Callable[[Samples], Values]


@dataclass(frozen=True, eq=False)
class Watched:
    """Samples and what a transform made of them, for each both; ``(n, *shape)`` each."""

    raw: Samples
    released: Samples


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
