"""Spoken-digit nets of the ObfNet paper, section IV-A (arXiv 1912.09859).

All convolutions are "valid": only that gives the paper's parameter counts.
"""

from __future__ import annotations

from math import prod

from torch import nn

from obfnet.nets.bottleneck import Bottleneck, picture

SHAPE = (1, 20, 45)


def conv_infnet(shape: tuple[int, ...] = SHAPE, classes: int = 10) -> nn.Module:
    """I_C: three convolutions and two dense layers; 1.1 M parameters at 20x45."""
    channels, height, width = picture(shape, least=(7, 10))
    features = 64 * ((height - 5) // 2) * ((width - 8) // 2)
    return nn.Sequential(
        nn.Conv2d(channels, 32, 2),
        nn.ReLU(),
        nn.Conv2d(32, 48, 3),
        nn.ReLU(),
        nn.Conv2d(48, 64, (3, 6)),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout(0.25),
        nn.Flatten(),
        nn.Linear(features, 128),
        nn.ReLU(),
        nn.Dropout(0.1),
        nn.Linear(128, 64),
        nn.ReLU(),
        nn.Dropout(0.25),
        nn.Linear(64, classes),
    )


def mlp_infnet(shape: tuple[int, ...] = SHAPE, classes: int = 10) -> nn.Module:
    """I_M: dense 800, 300, 128, 64; about 1 M parameters at 20x45."""
    sizes = (prod(shape), 800, 300, 128, 64)
    dropouts = (0.15, 0.15, 0.1, 0.25)
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after, dropout in zip(sizes, sizes[1:], dropouts, strict=False):
        layers += [nn.Linear(before, after), nn.ReLU(), nn.Dropout(dropout)]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], classes))


def mlp_obfnet(shape: tuple[int, ...] = SHAPE, width: int = 200) -> Bottleneck:
    """O_M: dense 200, dense 900, each with batch normalisation; .37 M parameters."""
    return Bottleneck(
        nn.Sequential(
            nn.Flatten(), nn.Linear(prod(shape), width), nn.BatchNorm1d(width), nn.ReLU()
        ),
        nn.Sequential(
            nn.Linear(width, prod(shape)),
            nn.BatchNorm1d(prod(shape)),
            nn.ReLU(),
            nn.Unflatten(1, shape),
        ),
    )


def conv_obfnet(shape: tuple[int, ...] = SHAPE, width: int = 5) -> Bottleneck:
    """O_C: two small convolutions of 3 and ``width`` maps, pool, dense 900; .65 M parameters."""
    channels, height, breadth = picture(shape, least=(5, 10))
    features = width * ((height - 3) // 2) * ((breadth - 8) // 2)
    encoder = nn.Sequential(
        nn.Conv2d(channels, 3, (2, 4)),
        nn.ReLU(),
        nn.BatchNorm2d(3),
        nn.Conv2d(3, width, (3, 6)),
        nn.ReLU(),
        nn.BatchNorm2d(width),
        nn.MaxPool2d(2),
        nn.Dropout(0.25),
        nn.Flatten(),
    )
    decoder = nn.Sequential(
        nn.Linear(features, prod(shape)), nn.Dropout(0.15), nn.ReLU(), nn.Unflatten(1, shape)
    )
    return Bottleneck(encoder, decoder)
