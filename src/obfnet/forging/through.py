"""The ObfNet paper's procedure: train through the frozen InfNet (arXiv 1912.09859, III-A)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn.functional import cross_entropy

from obfnet.data.dataset import Dataset
from obfnet.data.splits import Splits
from obfnet.errors import SpecError
from obfnet.forging.loop import Schedule, fit
from obfnet.forging.obfnet import ObfNet, Through
from obfnet.mechanisms.mechanism import Mechanism
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
    mechanism: Mechanism | None = None,
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
        mechanism: between encoder and decoder; the paper has none.

    Raises:
        InfNetChangedError: training has written to the InfNet.
    """
    mechanism = NoMechanism() if mechanism is None else mechanism
    infnet.verify()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = Through(*_with(mechanism, factory()))
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
    return ObfNet(
        net.encoder, mechanism, net.decoder, data.spec, seed, trained.seconds, trained.score
    )


def _with(
    mechanism: Mechanism, halves: Bottleneck
) -> tuple[torch.nn.Module, Mechanism, torch.nn.Module]:
    return halves.encoder, mechanism, halves.decoder
