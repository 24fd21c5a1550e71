"""An encoder of few plain convolutions that halve at once: the least time on a processor."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from obfnet.errors import SpecError
from obfnet.nets.blocks import convolution

#: Cells that the first convolution sees, and between which it steps.
STEM, STEP = 5, 3
#: A picture with a side below this leaves the second convolution nothing to halve.
LEAST_SIDE = 8


class StridedEncoder(nn.Sequential):
    """Code logits from a 5x5 convolution with stride 3 and 3x3 ones with stride 2.

    With nets this small a runtime spends more on each layer than on its arithmetic, and most on
    depthwise ones, above all in int8 (docs/export.md). So: three layers instead of eight. The
    default has 10.2 k parameters and .1 M multiply-accumulates for a 1x28x28 sample and 10
    outputs.

    Args:
        shape: ``(channels, height, width)`` of a sample, at least 8x8 once shrunk.
        outputs: length of the code.
        widths: channels of each convolution.
        shrink: average cells of this side first, for a picture larger than its budget.

    Raises:
        SpecError: another number of axes, a picture below 8x8, or an argument below 1.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        outputs: int,
        widths: Sequence[int] = (16, 32),
        shrink: int = 1,
    ) -> None:
        if not widths or min(outputs, shrink, *widths) < 1:
            raise SpecError(
                "the strided encoder needs outputs, widths and shrink of 1 or more, got "
                f"{outputs}, {tuple(widths)}, {shrink}"
            )
        if len(shape) != 3 or min(shape[1:]) // shrink < LEAST_SIDE:
            raise SpecError(
                "the strided encoder needs (channels, height, width) of 8x8 or more, got "
                f"{shape} shrunk by {shrink}"
            )
        stem, *others = widths
        layers: list[nn.Module] = [nn.AvgPool2d(shrink)] if shrink > 1 else []
        layers.append(
            convolution(shape[0], stem, kernel=(STEM, STEM), stride=(STEP, STEP), padding=(0, 0))
        )
        height, breadth = ((side // shrink - STEM) // STEP + 1 for side in shape[1:])
        previous = stem
        for width in others:
            layers.append(convolution(previous, width, kernel=(3, 3), stride=(2, 2)))
            height, breadth, previous = (height + 1) // 2, (breadth + 1) // 2, width
        features = nn.Sequential(*layers, nn.Flatten())
        head = nn.Linear(height * breadth * previous, outputs)
        super().__init__(OrderedDict(features=features, head=head))
