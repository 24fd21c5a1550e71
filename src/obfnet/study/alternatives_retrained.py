"""Retrain a classifier on what an alternative sends: the change that an InfNet is spared."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from obfnet.auditing.subject import Transform
from obfnet.forging.augment import fitting
from obfnet.forging.loop import Schedule, build, fit
from obfnet.forging.precision import fast_convolutions
from obfnet.nets.frozen import TorchInfNet, freeze
from obfnet.seeds import branch
from obfnet.study.alternatives_offer import Bench

#: Training samples at most: enough to adapt a trained net, and affordable for a dozen of them.
MOST = 20_000
ADAPT = Schedule(epochs=4, batch=64)
#: From random weights on samples that are no pictures any more.
ANEW = Schedule(epochs=12, batch=64)


def retrained(
    bench: Bench,
    name: str,
    transform: Transform,
    factory: Callable[[], nn.Module],
    schedule: Schedule = ADAPT,
) -> TorchInfNet:
    """A classifier trained on x' of training samples, drawn afresh each time; then frozen.

    Args:
        bench: whose training samples, at most ``MOST``, and whose validation samples are used.
        name: of the alternative, in the seed tree.
        transform: what the device does.
        factory: the net to start from.
        schedule: how long; one epoch if the bench is quick.
    """
    place = bench.place
    own = branch(place.seed, "retrained", name)
    chosen = np.random.default_rng(own).permutation(place.splits.train)[:MOST]
    samples = torch.from_numpy(place.data.samples[chosen])
    labels = torch.from_numpy(place.data.labels[chosen])
    augment = fitting(place.data.kind, place.data.spec.shape)
    held = transform(place.data.samples[place.splits.validation])
    held_labels = place.data.labels[place.splits.validation]
    module = build(factory, own)

    def loss(indices: torch.Tensor) -> torch.Tensor:
        batch = samples[indices] if augment is None else augment(samples[indices])
        released = torch.from_numpy(transform(batch.numpy()))
        with fast_convolutions():
            logits = module(released)
        return cross_entropy(logits.float(), labels[indices])

    def score() -> float:
        return float((TorchInfNet(module, "").predict(held) == held_labels).mean())

    planned = Schedule(1, schedule.batch, schedule.rate) if bench.quick else schedule
    fit(module, loss, score, len(samples), planned, own, f"retrain: {name}")
    return freeze(module)


def copied(module: nn.Module) -> Callable[[], nn.Module]:
    """Makes copies of ``module`` whose parameters may move."""
    return lambda: copy.deepcopy(module).requires_grad_(True)
