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


def components(found: Samples, seed: int) -> tuple[nn.Linear, nn.Linear]:
    """Features ``(n, ...)`` to their components of about unit variance, and back, both flat."""
    flat = torch.from_numpy(found).flatten(1)
    made = principal(flat, COMPONENTS, seed)
    down = nn.Linear(flat.shape[1], COMPONENTS)
    back = nn.Linear(COMPONENTS, flat.shape[1])
    down.weight.data = (made.directions / made.deviations).T.contiguous()
    down.bias.data = -down.weight.data @ made.mean
    back.weight.data = made.directions * made.deviations
    back.bias.data = made.mean.clone()
    return down.requires_grad_(False), back.requires_grad_(False)


def _siamese(name: str, noise: float, bench: Bench) -> Offer:
    lower, upper = cut(tuned(bench))
    seed = branch(bench.place.seed, "components")
    down, back = components(features(lower)(probes(bench.place, FITTED)), seed)

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
        copied(nn.Sequential(back, *list(upper)[1:])),
        device=nn.Sequential(*lower, nn.Flatten(), down),
    )
    return replace(offer, args={"components": COMPONENTS, "noise": noise, "margin": MARGIN})
