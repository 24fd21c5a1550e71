"""Decoders of learned codes: a code ``(n, width)`` to x' ``(n, *shape)`` within a sample's range.

A codebook needs none; bits and Gaussian codes do. The device pays for the decoder as well as for
the encoder: add their costs.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from obfnet.errors import SpecError
from obfnet.nets.blocks import halvings
from obfnet.specs import SampleSpec

#: The grid a picture is drawn from has a shorter side of at most this.
GRID = 8
#: With more values than this a dense layer to each of them is the larger part of a device's net.
LARGE = 1024


class Bounded(nn.Module):
    """A sigmoid scaled to ``[low, high]``, element by element.

    Args:
        low: least value of a raw sample.
        high: greatest value of a raw sample.
    """

    #: For ``nets.side_by_side``: every value is treated by itself.
    elementwise = True

    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.low, self.high = low, high

    def forward(self, free: Tensor) -> Tensor:
        """Values within ``[low, high]``, of any shape."""
        within = self.low + (self.high - self.low) * free.sigmoid()
        return within.clamp(self.low, self.high)  # rounding may step over the edge


def dense_decoder(width: int, spec: SampleSpec, hidden: Sequence[int] = (128,)) -> nn.Sequential:
    """Dense layers with ReLU, for any shape; good for small samples.

    Its last layer has ``hidden[-1]`` parameters for each value of a sample.

    Args:
        width: length of the code.
        spec: shape and range of x'.
        hidden: width of each hidden layer; none for a single dense layer.

    Raises:
        SpecError: a width below 1.
    """
    _check(width, *hidden)
    layers: list[nn.Module] = []
    for inputs, outputs in zip((width, *hidden), hidden, strict=False):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(
        *layers,
        nn.Linear((width, *hidden)[-1], spec.size),
        nn.Unflatten(1, spec.shape),
        Bounded(spec.low, spec.high),
    )


def conv_decoder(width: int, spec: SampleSpec, channels: int = 32) -> nn.Sequential:
    """A dense layer to a small grid, then separable convolutions and doublings, for pictures.

    Each doubling mixes channels on the small side and places on the large side, where that is
    cheapest; it halves the channels, but not below 8. Nearly all parameters are in the dense
    layer, so they hardly grow with the picture.

    Args:
        width: length of the code.
        spec: ``(channels, height, width)`` and range of x'.
        channels: of the grid.

    Raises:
        SpecError: a width below 1, or a sample of another number of axes.
    """
    _check(width, channels)
    if len(spec.shape) != 3:
        raise SpecError(
            f"the convolutional decoder draws (channels, height, width), got {spec.shape}: "
            "take dense_decoder"
        )
    out, *sides = spec.shape
    doublings = halvings(min(sides), GRID)
    grids = [tuple(-(-side // 2**left) for side in sides) for left in range(doublings, -1, -1)]
    height, breadth = grids[0]
    layers: list[nn.Module] = [
        nn.Linear(width, channels * height * breadth),
        nn.ReLU(),
        nn.Unflatten(1, (channels, height, breadth)),
    ]
    previous = channels
    for grid in grids[1:]:
        following = max(previous // 2, min(previous, 8))
        layers += [
            nn.Conv2d(previous, following, 1),
            nn.ReLU(),
            nn.Upsample(size=grid, mode="nearest"),
            nn.Conv2d(following, following, 3, padding=1, groups=following),
            nn.ReLU(),
        ]
        previous = following
    return nn.Sequential(*layers, nn.Conv2d(previous, out, 1), Bounded(spec.low, spec.high))


def decoder(width: int, spec: SampleSpec) -> nn.Sequential:
    """The decoder that suits a sample: convolutional for pictures of more than 1,024 values."""
    if len(spec.shape) == 3 and spec.size > LARGE:
        return conv_decoder(width, spec)
    return dense_decoder(width, spec)


def registered(width: int, shape: Sequence[int], low: float, high: float) -> nn.Sequential:
    """``decoder`` by plain numbers, as a spec writes them down."""
    return decoder(width, SampleSpec(tuple(shape), low, high))


def _check(*widths: int) -> None:
    if min(widths) < 1:
        raise SpecError(f"expected widths of 1 or more, got {widths}")
