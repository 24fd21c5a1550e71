"""Train an InfNet where a user brings none: plain supervised training, then frozen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from obfnet.data.dataset import Dataset
from obfnet.data.splits import Splits
from obfnet.errors import SpecError
from obfnet.forging.augment import fitting
from obfnet.forging.loop import Schedule, build, fit
from obfnet.forging.precision import fast_convolutions
from obfnet.nets.frozen import TorchInfNet, freeze


def train_infnet(
    factory: Callable[[], nn.Module],
    data: Dataset,
    splits: Splits,
    schedule: Schedule,
    seed: int,
) -> TorchInfNet:
    """Train a classifier on ``splits.train``, choose its checkpoint on ``splits.validation``.

    Raises:
        SpecError: a sample of these parts has no label.
    """
    if not data.take(np.concatenate([splits.train, splits.validation])).labelled:
        raise SpecError("an InfNet is trained on labelled samples only: some labels are -1")
    module = build(factory, seed)
    samples = torch.from_numpy(data.samples[splits.train])
    labels = torch.from_numpy(data.labels[splits.train])
    augment = fitting(data.kind, data.spec.shape)
    held_samples = data.samples[splits.validation]
    held_labels = data.labels[splits.validation]

    def loss(indices: torch.Tensor) -> torch.Tensor:
        batch = samples[indices] if augment is None else augment(samples[indices])
        with fast_convolutions():
            logits = module(batch)
        return cross_entropy(logits.float(), labels[indices])

    def score() -> float:
        found = TorchInfNet(module, "").predict(held_samples)
        return float((found == held_labels).mean())

    fit(module, loss, score, len(samples), schedule, seed, "train InfNet")
    return freeze(module)
