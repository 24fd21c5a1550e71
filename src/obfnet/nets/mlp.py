"""Dense layers: the encoder for samples that are no pictures, or very small ones."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from math import prod

from torch import nn

from obfnet.errors import SpecError


class MlpEncoder(nn.Sequential):
    """Code logits from hidden dense layers with ReLU.

    Args:
        shape: any shape of a sample.
        outputs: length of the code.
        hidden: width of each hidden layer; none for a single dense layer.
        batch_norm: normalise each hidden layer over the batch.

    Raises:
        SpecError: an argument below 1.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        outputs: int,
        hidden: Sequence[int] = (128,),
        batch_norm: bool = False,
    ) -> None:
        if not shape or min(*shape, outputs, *hidden) < 1:
            raise SpecError(
                "the MLP encoder needs a shape, outputs and hidden widths of 1 or more, got "
                f"{shape}, {outputs}, {tuple(hidden)}"
            )
        previous = prod(shape)
        layers: list[nn.Module] = [nn.Flatten()]
        for width in hidden:
            layers.append(nn.Linear(previous, width, bias=not batch_norm))
            if batch_norm:
                layers.append(nn.BatchNorm1d(width))
            layers.append(nn.ReLU())
            previous = width
        features = nn.Sequential(*layers)
        super().__init__(OrderedDict(features=features, head=nn.Linear(previous, outputs)))
