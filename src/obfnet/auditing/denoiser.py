"""The net of a generative attack: sees a noisy picture and what is known of it, says the clean one.

A small U-Net (Ronneberger, Fischer and Brox, MICCAI 2015) over two grids, half and a quarter of
the picture's sides.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, pixel_shuffle, pixel_unshuffle

#: Channels at the fine and at the coarse grid.
FINE, COARSE = 32, 64
#: Numbers that tell time and condition to every block, and frequencies of time among them.
TOLD, FREQUENCIES = 64, 8


class Denoiser(nn.Module):
    """The expected clean planes; at the start it answers zero.

    Args:
        channels: of the clean planes.
        given: planes that are known beside the noisy ones.
        condition: numbers that are known, such as the label's.
    """

    def __init__(self, channels: int, given: int, condition: int) -> None:
        super().__init__()
        self.told = nn.Sequential(nn.Linear(2 * FREQUENCIES + condition, TOLD), nn.SiLU())
        self.stem = nn.Conv2d(4 * (channels + given), FINE, 3, padding=1)
        self.first = _Block(FINE, FINE)
        self.down = nn.Conv2d(FINE, COARSE, 2, stride=2)
        self.middle = nn.ModuleList([_Block(COARSE, COARSE), _Block(COARSE, COARSE)])
        self.up = nn.Conv2d(COARSE, 4 * FINE, 1)
        self.last = _Block(2 * FINE, FINE)
        self.out = nn.Conv2d(FINE, 4 * channels, 3, padding=1)
        for parameter in self.out.parameters():
            nn.init.zeros_(parameter)

    def forward(self, noisy: Tensor, given: Tensor, condition: Tensor, time: Tensor) -> Tensor:
        """Clean planes ``(n, channels, height, width)``.

        Args:
            noisy: ``(n, channels, height, width)``, sides of any length.
            given: ``(n, planes, height, width)``.
            condition: ``(n, numbers)``.
            time: ``(n,)``, 0 is noise and 1 is clean.
        """
        height, width = noisy.shape[2:]
        planes = torch.cat([noisy, given], 1)
        planes = pad(planes, (0, -width % 4, 0, -height % 4), mode="replicate")
        told = self.told(torch.cat([_waves(time), condition], 1))
        fine = self.first(self.stem(pixel_unshuffle(planes, 2)), told)
        coarse = self.down(fine)
        for block in self.middle:
            coarse = block(coarse, told)
        fine = self.last(torch.cat([pixel_shuffle(self.up(coarse), 2), fine], 1), told)
        return pixel_shuffle(self.out(fine), 2)[:, :, :height, :width]


class _Block(nn.Module):
    """Two convolutions, scaled and shifted by what is told, added to what came in."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.enter = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm = nn.GroupNorm(8, outputs)
        self.tell = nn.Linear(TOLD, 2 * outputs)
        self.leave = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.past = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, planes: Tensor, told: Tensor) -> Tensor:
        scale, shift = self.tell(told)[:, :, None, None].chunk(2, dim=1)
        inner = self.norm(self.enter(planes)) * (1 + scale) + shift
        added: Tensor = self.past(planes) + self.leave(nn.functional.silu(inner))
        return added


def _waves(time: Tensor) -> Tensor:
    """Sines and cosines of times ``(n,)``, ``(n, 2 * FREQUENCIES)``."""
    angles = time[:, None] * math.pi * 2.0 ** torch.arange(-2, FREQUENCIES - 2)
    return torch.cat([angles.sin(), angles.cos()], 1)
