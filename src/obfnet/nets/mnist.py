"""MNIST nets of the ObfNet paper, section IV-B (arXiv 1912.09859), for any image shape.

All convolutions are "valid": only that gives the paper's parameter counts.
"""

from __future__ import annotations

from math import prod

from torch import nn

from obfnet.nets.bottleneck import Bottleneck, dense_decoder, glorot, picture

SHAPE = (1, 28, 28)


def conv_infnet(shape: tuple[int, ...] = SHAPE, classes: int = 10) -> nn.Module:
    """I_C: two convolutions and a dense layer; 1.2 M parameters at 28x28."""
    channels, height, width = picture(shape, least=(6, 6))
    features = 64 * ((height - 4) // 2) * ((width - 4) // 2)
    return nn.Sequential(
        nn.Conv2d(channels, 32, 3),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.25),
        nn.Flatten(),
        nn.Linear(features, 128),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(128, classes),
    )


def mlp_infnet(shape: tuple[int, ...] = SHAPE, classes: int = 10) -> nn.Module:
    """I_M: three dense layers of 512; .93 M parameters at 28x28."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(prod(shape), 512),
        nn.ReLU(),
        nn.Linear(512, 512),
        nn.ReLU(),
        nn.Linear(512, 512),
        nn.ReLU(),
        nn.Linear(512, classes),
    )


def mlp_obfnet(shape: tuple[int, ...] = SHAPE, width: int = 64) -> Bottleneck:
    """O_M: dense ``width``, dense back to the shape; 13 k parameters at 8, .8 M at 512."""
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(prod(shape), width), nn.ReLU())
    return glorot(Bottleneck(encoder, dense_decoder(shape, width)))


def conv_obfnet(shape: tuple[int, ...] = SHAPE, width: int = 64) -> Bottleneck:
    """O_C: convolution, pool, dense ``width``, dense back to the shape.

    The text has a dropout layer without its rate: that of I_C.
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
    return glorot(Bottleneck(encoder, dense_decoder(shape, width)))
