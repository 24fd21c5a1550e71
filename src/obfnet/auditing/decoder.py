"""The decoder of pictures: a dense lift for what is scrambled, a U-Net for what is local."""

from __future__ import annotations

from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad, pixel_shuffle, pixel_unshuffle

from obfnet.nets.blocks import halvings

#: Sides of the coarsest grid are at most this.
COARSE = 8
#: Numbers of the dense lift between x' and the coarsest grid.
LIFT = 256


class Decoder(nn.Module):
    """Turns rows (x' and label) into flat samples; x' may have another shape than x.

    Three ways lead from x' to x-hat, and their answers are added. A linear map that is given and
    stays as it is; a dense lift to the coarsest grid, because the last layer of an ObfNet leaves
    nothing where it was; and a U-Net (Ronneberger, Fischer and Brox, MICCAI 2015) over the linear
    guess and x' itself, where x' has planes, which undoes what is local. The last layer starts
    at zero, so that only the linear map speaks at first.

    Args:
        linear: rows ``(n, prod(released) + classes)`` to flat samples ``(n, prod(shape))``.
        released: shape of x'.
        classes: numbers that tell the label.
        shape: of a sample, ``(channels, height, width)`` with sides of 8 or more.
        width: channels at the finest grid, whose sides are half a sample's.
    """

    def __init__(
        self,
        linear: nn.Module,
        released: tuple[int, ...],
        classes: int,
        shape: tuple[int, int, int],
        width: int,
    ) -> None:
        super().__init__()
        self.linear = linear.requires_grad_(False)
        self._shape, self._released, self._classes = shape, released, classes
        channels, *sides = shape
        levels = max(1, *(halvings(side, COARSE) for side in sides))
        self._padded = tuple(-(-side // 2**levels) * 2**levels for side in sides)
        coarse = tuple(side // 2**levels for side in self._padded)
        widths = [width * min(4, 2**level) for level in range(levels)]
        planes = channels + (released[0] if len(released) == 3 else 0)
        inputs = prod(released) + classes
        self.label = nn.Linear(classes, width)
        self.stem = _convolution(4 * planes, width)
        self.down = nn.ModuleList(_convolution(*pair, stride=2) for pair in pairwise(widths))
        deepest = widths[-1]
        self.lift = nn.Sequential(
            nn.Linear(inputs, LIFT),
            nn.BatchNorm1d(LIFT),
            nn.GELU(),
            nn.Linear(LIFT, deepest * prod(coarse)),
            nn.Unflatten(1, (deepest, *coarse)),
        )
        self.middle = nn.Sequential(
            _convolution(2 * deepest, deepest), _Residual(deepest), _Residual(deepest)
        )
        rising = [(after, before) for before, after in pairwise(widths)][::-1]
        self.up = nn.ModuleList(nn.Conv2d(low, 4 * high, 1) for low, high in rising)
        self.merge = nn.ModuleList(
            nn.Sequential(_convolution(2 * high, high), _Residual(high)) for _, high in rising
        )
        self.out = nn.Conv2d(width, 4 * channels, 3, padding=1)
        with torch.no_grad():
            for parameter in self.out.parameters():
                parameter.zero_()

    def forward(self, seen: Tensor, guess: Tensor | None = None) -> Tensor:
        """Flat samples ``(n, prod(shape))`` of rows ``(n, prod(released) + classes)``.

        Args:
            seen: the rows.
            guess: what ``linear`` makes of them, where that is known already.
        """
        guess = self.linear(seen) if guess is None else guess
        # Values that hardly ever occur would drown the deep part; the linear one takes them.
        seen = seen.clamp(-10, 10)
        released, label = seen.split([prod(self._released), self._classes], dim=1)
        planes = [self._fitted(guess.reshape(-1, *self._shape))]
        if len(self._released) == 3:
            planes.append(self._fitted(released.reshape(-1, *self._released)))
        found = self.stem(pixel_unshuffle(torch.cat(planes, 1), 2))
        found = found + self.label(label)[:, :, None, None]
        passed = []
        for down in self.down:
            passed.append(found)
            found = down(found)
        found = self.middle(torch.cat([found, self.lift(seen)], 1))
        for up, merge in zip(self.up, self.merge, strict=True):
            found = merge(torch.cat([pixel_shuffle(up(found), 2), passed.pop()], 1))
        _, height, width = self._shape
        correction = pixel_shuffle(self.out(found), 2)[:, :, :height, :width]
        return guess + correction.flatten(1)

    def _fitted(self, planes: Tensor) -> Tensor:
        """Planes of any sides, with the padded sides of a sample."""
        if planes.shape[2:] != self._shape[1:]:
            planes = interpolate(planes, self._shape[1:], mode="bilinear", align_corners=False)
        (height, width), (wanted, breadth) = planes.shape[2:], self._padded
        return pad(planes, (0, breadth - width, 0, wanted - height), mode="replicate")


class _Residual(nn.Module):
    """Two convolutions whose answer is added to what they were given."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.both = nn.Sequential(
            _convolution(width, width),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, given: Tensor) -> Tensor:
        added: Tensor = given + self.both(given)
        return added


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.GELU(),
    )
