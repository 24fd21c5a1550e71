"""Sign-language nets of the ObfNet paper, section IV-C (arXiv 1912.09859), for any image shape.

All convolutions are "valid": only that gives the paper's parameter counts.
"""

from __future__ import annotations

from math import prod

import torch
from torch import nn

from obfnet.nets.bottleneck import Bottleneck, dense_decoder, glorot, picture

SHAPE = (3, 64, 64)
#: Of colours in [0, 1], about.
MIDDLE, SPREAD = 0.5, 0.25


def conv_infnet(shape: tuple[int, ...] = SHAPE, classes: int = 29) -> nn.Module:
    """I_C: three convolutions and three dense layers; 111 M parameters at 64x64.

    Raises:
        SpecError: the sample is no picture of 8x8 or more.
    """
    channels, height, width = picture(shape, least=(8, 8))
    features = 128 * ((height - 6) // 2) * ((width - 6) // 2)
    return nn.Sequential(
        nn.Conv2d(channels, 32, 3),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.Conv2d(64, 128, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.25),
        nn.Flatten(),
        nn.Linear(features, 1024),
        nn.ReLU(),
        nn.Linear(1024, 1024),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(1024, classes),
    )


def mlp_obfnet(shape: tuple[int, ...] = SHAPE, width: int = 256) -> Bottleneck:
    """O_M: dense ``width``, dense back to the shape; 6.3 M parameters at 256, 25.2 M at 1,024."""
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(prod(shape), width), nn.ReLU())
    return _centred(glorot(Bottleneck(encoder, dense_decoder(shape, width))))


def conv_obfnet(shape: tuple[int, ...] = SHAPE, width: int = 512) -> Bottleneck:
    """O_C: convolution, pool, two dense layers; 22 M parameters at 512, 44 M at 1,024.

    Raises:
        SpecError: the sample is no picture of 4x4 or more.
    """
    channels, height, breadth = picture(shape, least=(4, 4))
    features = 32 * ((height - 2) // 2) * ((breadth - 2) // 2)
    encoder = nn.Sequential(
        nn.Conv2d(channels, 32, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.25),
        nn.Flatten(),
        nn.Linear(features, width),
        nn.ReLU(),
    )
    decoder = nn.Sequential(
        nn.Linear(width, prod(shape)), nn.ReLU(), nn.Dropout(0.4), nn.Unflatten(1, shape)
    )
    return _centred(glorot(Bottleneck(encoder, decoder)))


def _centred(bottleneck: Bottleneck) -> Bottleneck:
    """``bottleneck`` as if it were given samples about 0 of spread 1, not colours in [0, 1].

    A neuron that is fed nothing below 0 is on for all pictures or for none; of 256 that began so,
    training left one in five.
    """
    first = next(
        layer for layer in bottleneck.encoder.modules() if isinstance(layer, nn.Linear | nn.Conv2d)
    )
    with torch.no_grad():
        first.weight.div_(SPREAD)
        assert first.bias is not None
        first.bias.copy_(-MIDDLE * first.weight.flatten(1).sum(1))
    return bottleneck
