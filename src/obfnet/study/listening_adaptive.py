"""A listener or viewer that learns from what is sent: the one that the paper did not ask."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from obfnet.forging.loop import Schedule, build, fit
from obfnet.nets.torch_infnet import TorchInfNet
from obfnet.specs import Labels, Samples

#: Samples to values ``(n,)``.
Guess = Callable[[Samples], Labels]


def learned(
    train: tuple[Samples, Labels],
    held: tuple[Samples, Labels],
    schedule: Schedule,
    seed: int,
    label: str,
    dense: bool = False,
) -> tuple[Guess, float]:
    """A small classifier of heard sound, seen pictures or x', at its best checkpoint.

    Returns:
        It, and its accuracy on ``held``.

    Args:
        train: samples ``(n, channels, height, width)`` and values to tell.
        held: others to choose by.
        schedule: how long.
        seed: fixes weights and order.
        label: on the progress bar.
        dense: whether its layers are dense, for x' whose values have lost their places;
            convolutions otherwise.
    """
    samples, values = train
    count = int(max(values.max(), held[1].max())) + 1
    shift, scale = float(samples.mean()), float(samples.std()) or 1.0
    seen, target = torch.from_numpy((samples - shift) / scale), torch.tensor(values)
    checked = (held[0] - shift) / scale
    factory = _dense if dense else _convolutional
    net = build(lambda: factory(samples.shape[1:], count), seed)
    reached = fit(
        net,
        loss=lambda indices: cross_entropy(net(seen[indices]), target[indices]),
        score=lambda: float((TorchInfNet(net, "").predict(checked) == held[1]).mean()),
        count=len(seen),
        schedule=schedule,
        seed=seed,
        label=label,
    )

    def guess(received: Samples) -> Labels:
        given = np.asarray((received - shift) / scale, np.float32)
        return TorchInfNet(net, "").predict(given)

    return guess, reached.score


def _dense(shape: tuple[int, ...], values: int, width: int = 256) -> nn.Module:
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(math.prod(shape), width),
        nn.ReLU(),
        nn.Dropout(0.25),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Dropout(0.25),
        nn.Linear(width, values),
    )


def _convolutional(shape: tuple[int, ...], values: int, width: int = 32) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(shape[0], width, 3, padding=1),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(width, 2 * width, 3, padding=1),
        nn.BatchNorm2d(2 * width),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d((4, 4)),
        nn.Flatten(),
        nn.Dropout(0.25),
        nn.Linear(2 * width * 16, values),
    )
