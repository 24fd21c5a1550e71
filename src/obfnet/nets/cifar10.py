"""ResNet-20 for CIFAR-10 (He et al., arXiv 1512.03385, section 4.2) and published weights."""

from __future__ import annotations

import io
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from obfnet.data.sources import Resource, at, obtain, sha256
from obfnet.errors import SpecError

SHAPE = (3, 32, 32)
HOME = (
    "https://raw.githubusercontent.com/akamaster/pytorch_resnet_cifar10/master/"
    "pretrained_models/resnet20-12fca82f.th"
)
# Yerlan Idelbayev's weights, BSD-2.
WEIGHTS = Resource(
    "resnet20-12fca82f.th",
    "12fca82f0bebc4135bf1f32f6e3710e61d5108578464b84fd6d7f5c1b04036c8",
    Path.read_bytes,
    sha256,
    (at(HOME),),
)


class _Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut without weights (option A of the paper)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride = stride
        self.missing = (outputs - inputs) // 2

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x
        if self.missing:  # every second pixel, and channels of zeros on both sides
            thinned = x[:, :, :: self.stride, :: self.stride]
            shortcut = pad(thinned, (0, 0, 0, 0, self.missing, self.missing))
        residual = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        total: Tensor = residual + shortcut
        return total.relu()


class ResNet20(nn.Module):
    """Logits ``(n, classes)`` of pictures ``(n, 3, h, w)`` in [0, 1], normalised inside."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        # Not in the state dict, so that published weights load; the digest has them all the same.
        channels = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])
        mean, deviation = channels.reshape(2, 3, 1, 1)
        self.register_buffer("mean", mean.clone(), persistent=False)
        self.register_buffer("deviation", deviation.clone(), persistent=False)
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(*(_Block(16, 16, 1) for _ in range(3)))
        self.layer2 = nn.Sequential(_Block(16, 32, 2), _Block(32, 32, 1), _Block(32, 32, 1))
        self.layer3 = nn.Sequential(_Block(32, 64, 2), _Block(64, 64, 1), _Block(64, 64, 1))
        self.linear = nn.Linear(64, classes)

    def forward(self, samples: Tensor) -> Tensor:
        """Logits ``(n, classes)``."""
        x = self.bn1(self.conv1((samples - self.mean) / self.deviation)).relu()
        x = self.layer3(self.layer2(self.layer1(x)))
        logits: Tensor = self.linear(x.mean((2, 3)))
        return logits


def resnet20(shape: tuple[int, ...] = SHAPE, classes: int = 10) -> nn.Module:
    """Untrained ResNet-20: 269,722 parameters, 41 M multiply-accumulates at 32x32.

    Raises:
        SpecError: samples that are no colour pictures of 8x8 or more.
    """
    if len(shape) != 3 or shape[0] != 3 or min(shape[1:]) < 8:
        raise SpecError(f"ResNet-20 takes (3, height, width) of 8x8 or more, got {shape}")
    return ResNet20(classes)


def trained_resnet20(shape: tuple[int, ...] = SHAPE, classes: int = 10) -> nn.Module:
    """ResNet-20 with a third party's weights for CIFAR-10; its labels are in the usual order.

    Raises:
        SpecError: another shape or number of classes than CIFAR-10's.
        DataUnavailableError, DataCorruptError, StorageError: see :func:`sources.obtain`.
    """
    if shape != SHAPE or classes != 10:
        raise SpecError(f"these weights are for {SHAPE} and 10 classes, got {shape} and {classes}")
    # The file is a pickle of a known digest, and only tensors are read from it.
    content = torch.load(io.BytesIO(obtain(WEIGHTS)), map_location="cpu", weights_only=True)
    net = ResNet20()
    net.load_state_dict(
        {name.removeprefix("module."): value for name, value in content["state_dict"].items()},
        strict=False,  # saved before BatchNorm counted its batches
    )
    return net
