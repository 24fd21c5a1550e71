"""Changes to a sample that keep its label: shifts for pictures, time shifts for MFCC."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad


@dataclass(frozen=True)
class Shift:
    """Move each sample of a batch by its own random offset; the border value fills in.

    Args:
        vertical: largest offset along the second-to-last axis, in cells.
        horizontal: largest offset along the last axis, in cells.
    """

    vertical: int
    horizontal: int

    def __call__(self, samples: Tensor) -> Tensor:
        """Shifted samples ``(n, channels, height, width)``, drawn from torch's random state."""
        count, _, height, width = samples.shape
        down, right = self.vertical, self.horizontal
        padded = pad(samples, (right, right, down, down), mode="replicate")
        rows = torch.randint(0, 2 * down + 1, (count, 1)) + torch.arange(height)
        columns = torch.randint(0, 2 * right + 1, (count, 1)) + torch.arange(width)
        each = torch.arange(count)[:, None, None]
        shifted = padded.movedim(1, -1)[each, rows[:, :, None], columns[:, None, :]]
        return shifted.movedim(-1, 1).contiguous()


@dataclass(frozen=True)
class ShiftAndMirror:
    """Shift each sample, and mirror every second one left to right.

    Args:
        shift: how far.
    """

    shift: Shift

    def __call__(self, samples: Tensor) -> Tensor:
        """Shifted samples ``(n, channels, height, width)``, half of them mirrored."""
        moved = self.shift(samples)
        mirrored = torch.rand(len(moved), 1, 1, 1) < 0.5
        return torch.where(mirrored, moved.flip(-1), moved)


Augmentation = Callable[[Tensor], Tensor]

#: What fits each kind of data; the second-to-last axis of MFCC is frequency, the last is time.
FITTING: dict[str, Callable[[int, int], Augmentation]] = {
    "image": lambda height, width: Shift(max(1, height // 14), max(1, width // 14)),
    "photo": lambda height, width: ShiftAndMirror(Shift(max(1, height // 8), max(1, width // 8))),
    "mfcc": lambda _height, width: Shift(0, width // 20),
}


def fitting(kind: str, shape: tuple[int, ...]) -> Augmentation | None:
    """The augmentation that fits ``kind`` of data, or None where none is known to be safe."""
    if kind not in FITTING or len(shape) != 3 or (kind == "mfcc" and shape[2] < 20):
        return None
    return FITTING[kind](shape[1], shape[2])
