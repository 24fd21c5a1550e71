"""Normalised Laplacian pyramid distance (Laparra, Balle, Berardino and Simoncelli, HVEI 2016).

A perceptual distance with nothing to download: each picture becomes bands of detail, each value
of a band is divided by what surrounds it, as contrast is in early vision, and the bands are
compared. The constants are the paper's, fitted to natural pictures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import pad

from obfnet.auditing.planes import planes
from obfnet.specs import SampleSpec

#: Burt and Adelson's low-pass filter, 1983.
FILTER = (0.05, 0.25, 0.4, 0.25, 0.05)


@dataclass(frozen=True)
class _Band:
    """By what a band is divided: ``still`` plus the weighted magnitude of the four neighbours."""

    still: float
    above: float
    left: float
    right: float
    below: float


#: Finest first. One tap of weight .007 at a distance of two is left out.
BANDS = (
    _Band(0.0248, 0.1015, 0.1460, 0.1493, 0.1011),
    _Band(0.0185, 0.0837, 0.1846, 0.1986, 0.0757),
    _Band(0.0179, 0.0467, 0.2243, 0.2138, 0.0477),
    _Band(0.0191, 0.0, 0.2616, 0.2503, 0.0),
    _Band(0.0220, 0.0, 0.2552, 0.2598, 0.0),
)
#: Of the small picture that is left.
REST = _Band(0.2782, 0.0, 0.0717, 0.2215, 0.0)


def pyramid_distance(originals: Tensor, guess: Tensor, spec: SampleSpec) -> Tensor:
    """Distance of each sample ``(n, *shape)``: ``(n,)``, 0 for the same; differentiable.

    The root mean square of each band's difference, averaged over bands; channels together. A
    small picture has fewer bands than the paper's six: one for each halving of its shorter side.
    """
    found = [
        torch.linalg.vector_norm(x - y, dim=(1, 2, 3)) / math.sqrt(x[0].numel())
        for x, y in zip(_bands(planes(originals, spec)), _bands(planes(guess, spec)), strict=True)
    ]
    return torch.stack(found).mean(dim=0)


def _bands(picture: Tensor) -> list[Tensor]:
    """The normalised bands of pictures ``(n, c, h, w)``, finest first."""
    sides = [side for side in picture.shape[-2:] if side > 1]
    count = min(len(BANDS), int(math.log2(min(sides, default=1))) - 1)
    bands = []
    for band in BANDS[: max(0, count)]:
        (down_h, up_h), (down_w, up_w) = (_halving(side) for side in picture.shape[-2:])
        small = _mapped(picture, down_h, down_w)
        bands.append(_normalised(picture - _mapped(small, up_h, up_w), band))
        picture = small
    return [*bands, _normalised(picture, REST)]


def _mapped(picture: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Both axes through a matrix each, every time as one large product."""
    return ((picture @ columns.T).mT @ rows.T).mT


def _normalised(values: Tensor, band: _Band) -> Tensor:
    around = pad(values.abs(), (1, 1, 1, 1))
    return values / (
        band.still
        + band.above * around[..., :-2, 1:-1]
        + band.below * around[..., 2:, 1:-1]
        + band.left * around[..., 1:-1, :-2]
        + band.right * around[..., 1:-1, 2:]
    )


@cache
@torch.inference_mode(False)  # else whoever asks first decides whether there are gradients
def _halving(side: int) -> tuple[Tensor, Tensor]:
    """Matrices that filter and halve a line of ``side`` values, and that double it back.

    Beyond its ends a line is mirrored for halving and continued for doubling, as in the paper.
    """
    half = (side + 1) // 2
    down, up = torch.zeros(half, side), torch.zeros(side, half)
    for tap, weight in enumerate(FILTER, start=-2):
        for place in range(half):
            source = 2 * place + tap
            mirrored = -1 - source if source < 0 else source
            mirrored = 2 * side - 1 - mirrored if mirrored >= side else mirrored
            down[place, min(max(mirrored, 0), side - 1)] += weight
        for place in range(side):
            if (place + tap) % 2 == 0:
                up[place, min(max((place + tap) // 2, 0), half - 1)] += 2 * weight
    return down, up
