"""A small encoder of depthwise-separable convolutions, for pictures."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from obfnet.errors import SpecError
from obfnet.nets.blocks import convolution, halvings, separable

#: A picture with a side below this is not convolved.
LEAST_SIDE = 8


class SeparableEncoder(nn.Sequential):
    """Code logits from one convolution, depthwise-separable blocks and a 2x2 average.

    After MobileNet (Howard et al., arXiv 1704.04861). The default has 9.2 k parameters and
    .4 M multiply-accumulates for a 1x28x28 sample and 10 outputs. Made of torch's own layers
    only, so that many of its kind can train side by side as groups of one net.

    Args:
        shape: ``(channels, height, width)`` of a sample, at least 8x8 once shrunk.
        outputs: length of the code.
        widths: channels of the stem and of each stage. The second stage halves the picture,
            and so does the stem where a side of 16 or more leaves enough of it. A larger picture
            is halved by further blocks after the stem until its shorter side is at most 8.
        depth: blocks in each stage.
        shrink: average cells of this side first, for a picture larger than its budget.

    Raises:
        SpecError: another number of axes, a picture below 8x8, or an argument below 1.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        outputs: int,
        widths: Sequence[int] = (16, 32, 48, 64),
        depth: int = 1,
        shrink: int = 1,
    ) -> None:
        if not widths or min(outputs, depth, shrink, *widths) < 1:
            raise SpecError(
                "the separable encoder needs outputs, widths, depth and shrink of 1 or more, got "
                f"{outputs}, {tuple(widths)}, {depth}, {shrink}"
            )
        if len(shape) != 3 or min(shape[1:]) // shrink < LEAST_SIDE:
            raise SpecError(
                "the separable encoder needs (channels, height, width) of 8x8 or more, got "
                f"{shape} shrunk by {shrink}"
            )
        sides = [side // shrink for side in shape[1:]]
        stem, *stages = widths
        stem_stride = 2 if min(sides) >= 2 * LEAST_SIDE else 1
        early = max(0, halvings(min(sides), LEAST_SIDE) - 2)  # the stem and a stage halve too
        layers: list[nn.Module] = [nn.AvgPool2d(shrink)] if shrink > 1 else []
        layers.append(convolution(shape[0], stem, kernel=(3, 3), stride=(stem_stride, stem_stride)))
        for _ in range(early):
            layers += separable(stem, stem, kernel=(3, 3), stride=(2, 2))
        previous, reduction = stem, stem_stride * 2**early
        for position, width in enumerate(stages):
            stride = 2 if position == 1 else 1
            reduction *= stride
            layers += separable(previous, width, kernel=(3, 3), stride=(stride, stride))
            for _ in range(depth - 1):
                layers += separable(width, width, kernel=(3, 3), stride=(1, 1))
            previous = width
        height, breadth = (-(-side // reduction) for side in sides)
        # The four quarters of the picture, overlapping by one cell where a side is odd.
        quarters = nn.AvgPool2d(
            (-(-height // 2), -(-breadth // 2)), stride=(height // 2, breadth // 2)
        )
        features = nn.Sequential(*layers, quarters, nn.Flatten())
        head = nn.Linear(4 * previous, outputs)
        super().__init__(OrderedDict(features=features, head=head))
