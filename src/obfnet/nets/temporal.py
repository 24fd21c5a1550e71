"""A small encoder for MFCC: all coefficients at once, then convolutions along time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from obfnet.errors import SpecError
from obfnet.nets.blocks import convolution, halvings, separable

#: Fewer frames are not convolved; a longer clip is halved until no more than the other is left.
LEAST_FRAMES, LAST_FRAMES = 8, 16
#: Frames that the stem and a depthwise convolution see.
STEM, KERNEL = 5, 9


class TemporalEncoder(nn.Sequential):
    """Code logits from a convolution over all coefficients and separable blocks along time.

    After TC-ResNet (Choi et al., arXiv 1904.03814): coefficients are channels, not places, so
    nothing is spent on sliding over them (docs/decisions/0007). Layers are torch's own.

    Args:
        shape: ``(channels, coefficients, frames)`` of a sample, at least 8 frames.
        outputs: length of the code.
        widths: channels of the stem and of each stage. The stem and the second stage halve the
            clip, where 16 frames or more leave enough of it; a longer clip is halved by further
            blocks after the stem until at most 16 frames are left.
        depth: blocks in each stage.

    Raises:
        SpecError: another number of axes, too few frames, or an argument below 1.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        outputs: int,
        widths: Sequence[int] = (32, 48, 64, 80),
        depth: int = 1,
    ) -> None:
        if not widths or min(outputs, depth, *widths) < 1:
            raise SpecError(
                "the temporal encoder needs outputs, widths and depth of 1 or more, got "
                f"{outputs}, {tuple(widths)}, {depth}"
            )
        if len(shape) != 3 or shape[2] < LEAST_FRAMES:
            raise SpecError(
                "the temporal encoder needs (channels, coefficients, frames) with 8 frames or "
                f"more, got {shape}"
            )
        channels, coefficients, frames = shape
        stem, *stages = widths
        stem_stride = 2 if frames >= 2 * LEAST_FRAMES else 1
        early = max(0, halvings(frames, LAST_FRAMES) - 2)  # the stem and a stage halve too
        layers = [
            convolution(
                channels,
                stem,
                kernel=(coefficients, STEM),
                stride=(1, stem_stride),
                padding=(0, STEM // 2),
            )
        ]
        for _ in range(early):
            layers += separable(stem, stem, kernel=(1, KERNEL), stride=(1, 2))
        previous, reduction = stem, stem_stride * 2**early
        for position, width in enumerate(stages):
            stride = 2 if position == 1 else 1
            reduction *= stride
            layers += separable(previous, width, kernel=(1, KERNEL), stride=(1, stride))
            for _ in range(depth - 1):
                layers += separable(width, width, kernel=(1, KERNEL), stride=(1, 1))
            previous = width
        left = -(-frames // reduction)
        # The two halves of the clip, overlapping by one frame where it is odd.
        halves = nn.AvgPool2d((1, -(-left // 2)), stride=(1, left // 2))
        features = nn.Sequential(*layers, halves, nn.Flatten())
        super().__init__(OrderedDict(features=features, head=nn.Linear(2 * previous, outputs)))
