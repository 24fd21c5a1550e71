"""A small encoder of depthwise-separable convolutions, for pictures and for MFCC."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from obfnet.errors import SpecError


class SeparableEncoder(nn.Module):
    """Code logits from one convolution, depthwise-separable blocks and a 2x2 average.

    After MobileNet (Howard et al., arXiv 1704.04861). The default has 9.2 k parameters and
    .4 M multiply-accumulates for a 1x28x28 sample and 10 outputs.

    Args:
        shape: ``(channels, height, width)`` of a sample, at least 8x8.
        outputs: length of the code.
        widths: channels of the stem and of each block. The second block halves the picture,
            and so does the stem where a side of 16 or more leaves enough of it.

    Raises:
        SpecError: another number of axes, or a picture below 8x8.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        outputs: int,
        widths: Sequence[int] = (16, 32, 48, 64),
    ) -> None:
        super().__init__()
        if len(shape) != 3 or min(shape[1:]) < 8:
            raise SpecError(
                f"the separable encoder needs (channels, height, width) of 8x8 or more, got {shape}"
            )
        stem, *blocks = widths
        halving = 2 if min(shape[1:]) >= 16 else 1
        layers = [_convolution(shape[0], stem, kernel=3, stride=halving)]
        previous = stem
        for position, width in enumerate(blocks):
            stride = 2 if position == 1 else 1
            layers += [
                _convolution(previous, previous, kernel=3, stride=stride, groups=previous),
                _convolution(previous, width, kernel=1),
            ]
            previous = width
        reduction = halving * (2 if len(blocks) > 1 else 1)
        height, breadth = (-(-side // reduction) for side in shape[1:])
        # The four quarters of the picture, overlapping by one cell where a side is odd.
        quarters = nn.AvgPool2d(
            (-(-height // 2), -(-breadth // 2)), stride=(height // 2, breadth // 2)
        )
        self.features = nn.Sequential(*layers, quarters, nn.Flatten())
        self.head = nn.Linear(4 * previous, outputs)

    def forward(self, samples: Tensor) -> Tensor:
        """Code ``(n, outputs)`` of samples ``(n, *shape)``."""
        code: Tensor = self.head(self.features(samples))
        return code


def _convolution(
    inputs: int, outputs: int, *, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )
