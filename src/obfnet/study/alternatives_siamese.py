"""Siamese fine-tuning of a partitioned net's first layers, few components sent, with noise.

See ``alternatives_partitioned`` for the paper. The contrastive loss is Hadsell et al. (CVPR 2006).
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache, partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, relu

from obfnet.auditing.principal import principal
from obfnet.auditing.subject import Transform
from obfnet.forging.loop import Schedule, build, fit
from obfnet.forging.precision import fast_convolutions
from obfnet.nets.torch_infnet import TorchInfNet
from obfnet.seeds import branch
from obfnet.specs import Samples
from obfnet.study.alternatives_offer import Bench, Maker, Offer, probes
from obfnet.study.alternatives_partitioned import cut, features, offered
from obfnet.study.alternatives_retrained import MOST, copied

COMPONENTS = 16
NOISES = (0.0, 1.0)  # standard deviation, in units of the components' own
TUNING = Schedule(epochs=3, batch=128, rate=5e-4)
MARGIN, WEIGHT = 1.0, 1.0
FITTED = 2_000  # training samples that the components are of


class Components(nn.Module):
    """Features to their principal components of about unit variance, and back.

    Args:
        mean: of flat features, ``(m,)``.
        basis: ``(m, k)``, components as columns.
        deviation: of each component, ``(k,)``.
    """

    mean: Tensor
    basis: Tensor
    deviation: Tensor

    def __init__(self, mean: Tensor, basis: Tensor, deviation: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("basis", basis)
        self.register_buffer("deviation", deviation)

    def forward(self, found: Tensor) -> Tensor:
        """Components ``(n, k)`` of features ``(n, ...)``."""
        return (found.flatten(1) - self.mean) @ self.basis / self.deviation


class Back(nn.Module):
    """The backend's first layer: components ``(n, k)`` to flat features ``(n, m)``."""

    def __init__(self, components: Components) -> None:
        super().__init__()
        self.components = components

    def forward(self, sent: Tensor) -> Tensor:
        """Features as far as the components tell them."""
        known = self.components
        return (sent * known.deviation) @ known.basis.T + known.mean


def siamese() -> dict[str, Maker]:
    """Components as they are, and with noise."""
    names = {f"partitioned, Siamese, {COMPONENTS} components, noise {n:g}": n for n in NOISES}
    return {name: partial(_siamese, name, noise) for name, noise in names.items()}


def contrastive(found: Tensor, labels: Tensor) -> Tensor:
    """Mean contrastive loss of one half of a batch of features against the other half."""
    half = len(found) // 2
    unit = nn.functional.normalize(found.flatten(1), dim=1)
    apart = (unit[:half] - unit[half : 2 * half]).square().sum(1)
    same = labels[:half] == labels[half : 2 * half]
    distant = relu(MARGIN - (apart + 1e-12).sqrt()).square()
    return torch.where(same, apart, distant).mean()


@lru_cache(maxsize=1)  # rows with and without noise start from the same
def tuned(bench: Bench) -> nn.Sequential:
    """A copy of the InfNet whose lower layers put samples of one class close together."""
    place = bench.place
    own = branch(place.seed, "siamese")
    chosen = np.random.default_rng(own).permutation(place.splits.train)[:MOST]
    samples = torch.from_numpy(place.data.samples[chosen])
    labels = torch.from_numpy(place.data.labels[chosen])
    held = place.data.take(place.splits.validation)
    module = build(copied(bench.infnet.module), own)
    lower, upper = cut(module)

    def loss(indices: Tensor) -> Tensor:
        with fast_convolutions():
            found = lower(samples[indices])
            logits = upper(found)
        target = labels[indices]
        return cross_entropy(logits.float(), target) + WEIGHT * contrastive(found.float(), target)

    def score() -> float:
        return float((TorchInfNet(module, "").predict(held.samples) == held.labels).mean())

    schedule = replace(TUNING, epochs=1) if bench.quick else TUNING
    fit(module, loss, score, len(samples), schedule, own, "Siamese fine-tuning")
    module.requires_grad_(False)
    assert isinstance(module, nn.Sequential)
    return module


def components(found: Samples, seed: int) -> Components:
    """The first ``COMPONENTS`` principal components of features ``(n, ...)``."""
    made = principal(torch.from_numpy(found).flatten(1), COMPONENTS, seed)
    return Components(made.mean, made.directions, made.deviations)


def _siamese(name: str, noise: float, bench: Bench) -> Offer:
    lower, upper = cut(tuned(bench))
    seed = branch(bench.place.seed, "components")
    few = components(features(lower)(probes(bench.place, FITTED)), seed)

    def make(extract: Transform, drawn: int) -> Transform:
        draw = np.random.default_rng(drawn)

        def alter(samples: Samples) -> Samples:
            found = extract(samples)
            return (found + noise * draw.standard_normal(found.shape)).astype(np.float32)

        return alter

    offer = offered(
        bench,
        name,
        lower,
        make,
        copied(nn.Sequential(Back(few), *list(upper)[1:])),
        device=nn.Sequential(*lower, few),
    )
    return replace(offer, args={"components": COMPONENTS, "noise": noise, "margin": MARGIN})
