"""The ObfNet paper's procedure: train through the frozen InfNet (arXiv 1912.09859, III-A)."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from obfnet.data.dataset import Dataset
from obfnet.data.splits import Splits
from obfnet.errors import SpecError
from obfnet.forging.loop import Schedule, fit
from obfnet.forging.obfnet import ObfNet
from obfnet.mechanisms.none import NoMechanism
from obfnet.nets.bottleneck import Bottleneck
from obfnet.nets.frozen import InfNet


def forge_through(
    factory: Callable[[], Bottleneck],
    infnet: InfNet,
    data: Dataset,
    splits: Splits,
    schedule: Schedule,
    seed: int,
) -> ObfNet:
    """Forge one ObfNet by sending every training batch through the InfNet and back.

    The paper chooses checkpoints on test data; here they are chosen on ``splits.validation``.

    Args:
        factory: makes an untrained encoder and decoder.
        infnet: frozen, checked before and after.
        data: samples and labels.
        splits: train and validation parts are used, no other.
        schedule: how long and how fast.
        seed: fixes initial weights, order and dropout.

    Raises:
        InfNetChangedError: training has written to the InfNet.
    """
    started = time.perf_counter()
    infnet.verify()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = nn.Sequential(*factory())
    samples = torch.from_numpy(data.samples[splits.train])
    labels = torch.from_numpy(data.labels[splits.train])
    held_samples = torch.from_numpy(data.samples[splits.validation])
    held_labels = data.labels[splits.validation]
    if net(samples[:2]).shape[1:] != samples.shape[1:]:
        raise SpecError("the ObfNet's output shape differs from the sample's shape")

    def loss(indices: torch.Tensor) -> torch.Tensor:
        return cross_entropy(infnet.logits(net(samples[indices])), labels[indices])

    def score() -> float:
        obfuscated = torch.cat([net(part) for part in held_samples.split(1024)])
        return float((infnet.predict(obfuscated.numpy()) == held_labels).mean())

    trained = fit(net, loss, score, len(samples), schedule, seed, "forge through the InfNet")
    infnet.verify()
    seconds = time.perf_counter() - started
    return ObfNet(net[0], NoMechanism(), net[1], data.spec, seed, seconds, trained)
