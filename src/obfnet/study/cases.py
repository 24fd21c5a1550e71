"""The demo's cases: which nets and how long, for each dataset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from obfnet.data import mnist as mnist_data
from obfnet.data.dataset import Dataset
from obfnet.data.splits import Splits, split
from obfnet.errors import SpecError
from obfnet.forging.loop import Schedule
from obfnet.nets import fsd, mnist
from obfnet.nets.bottleneck import Bottleneck

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """One dataset's InfNet and the published ObfNet that stands beside ours.

    Args:
        infnet_name: name in tables.
        infnet: makes the InfNet from shape and class count.
        infnet_schedule: how it is trained.
        published_name: name in tables.
        published: makes the published ObfNet's halves from the shape.
        published_width: its bottleneck.
        published_schedule: how it is forged through the InfNet.
        codebook_schedule: how the codebook's encoder is trained.
        split: makes the splits from dataset and seed.
        split_name: what to call them in a results row.
    """

    infnet_name: str
    infnet: Callable[[Shape, int], nn.Module]
    infnet_schedule: Schedule
    published_name: str
    published: Callable[[Shape], Bottleneck]
    published_width: int
    published_schedule: Schedule
    codebook_schedule: Schedule
    split: Callable[[Dataset, int], Splits] = split
    split_name: str = "random 80/10/10"

    @property
    def digest(self) -> str:
        """Tells cases with other schedules apart; code has a digest of its own."""
        return repr((self.infnet_schedule, self.published_schedule, self.codebook_schedule))


CASES = {
    "digits": Case(
        "I_C",
        mnist.conv_infnet,
        Schedule(epochs=60, batch=64),
        "O_M-64",
        lambda shape: mnist.mlp_obfnet(shape, 64),
        64,
        Schedule(epochs=60, batch=64),
        Schedule(epochs=60, batch=64, rate=3e-3),
    ),
    "mnist": Case(
        "I_C",
        mnist.conv_infnet,
        Schedule(epochs=6),
        "O_M-64",
        lambda shape: mnist.mlp_obfnet(shape, 64),
        64,
        Schedule(epochs=5),
        Schedule(epochs=12, rate=4e-3),
        split=mnist_data.split,
        split_name="55,000/5,000/official 10,000",
    ),
    "fsd": Case(
        "I_C",
        fsd.conv_infnet,
        Schedule(epochs=16, batch=32),
        "O_M",
        fsd.mlp_obfnet,
        200,
        Schedule(epochs=20, batch=64),
        Schedule(epochs=60, batch=64, rate=3e-3),
    ),
}


def case(data: str) -> Case:
    """The case for dataset ``data``.

    Raises:
        SpecError: there is none.
    """
    if data not in CASES:
        raise SpecError(f"the demo runs on {', '.join(CASES)}, got {data!r}")
    return CASES[data]
