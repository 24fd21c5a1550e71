"""The demo's cases: which nets and how long, for each dataset."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from obfnet.auditing.effort import QUICK, Effort
from obfnet.data import mnist
from obfnet.data.dataset import Dataset
from obfnet.data.splits import Splits, split
from obfnet.errors import SpecError
from obfnet.forging.loop import Schedule


@dataclass(frozen=True)
class Case:
    """One dataset's InfNet and the published ObfNet that stands beside ours.

    Its ``repr`` is the same in every process: kept stages are found again by it.

    Args:
        infnet: registered name of the InfNet.
        infnet_label: what tables call it.
        infnet_schedule: how it is trained.
        published: registered name of the published ObfNet.
        published_label: what tables call it.
        width: the published ObfNet's bottleneck.
        published_schedule: how it is forged through the InfNet.
        codebook_schedule: how the codebook's encoder is trained.
        effort: of the audit.
        split: makes the splits from dataset and seed.
        split_label: what tables call them.
    """

    infnet: str
    infnet_label: str
    infnet_schedule: Schedule
    published: str
    published_label: str
    width: int
    published_schedule: Schedule
    codebook_schedule: Schedule
    effort: Effort = QUICK
    split: Callable[[Dataset, int], Splits] = field(default=split, repr=False)
    split_label: str = "random 80/10/10"


CASES = {
    "digits": Case(
        infnet="mnist-ic",
        infnet_label="I_C",
        infnet_schedule=Schedule(epochs=60, batch=64),
        published="mnist-om",
        published_label="O_M-64",
        width=64,
        published_schedule=Schedule(epochs=60, batch=64),
        codebook_schedule=Schedule(epochs=80, batch=64, rate=3e-3),
    ),
    "mnist": Case(
        infnet="mnist-ic",
        infnet_label="I_C",
        infnet_schedule=Schedule(epochs=8, batch=64),
        published="mnist-om",
        published_label="O_M-64",
        width=64,
        published_schedule=Schedule(epochs=3),
        codebook_schedule=Schedule(epochs=10, rate=4e-3),
        split=mnist.split,
        split_label="55,000/5,000/official 10,000",
    ),
    "fsd": Case(
        infnet="fsd-ic",
        infnet_label="I_C",
        infnet_schedule=Schedule(epochs=16, batch=32),
        published="fsd-om",
        published_label="O_M",
        width=200,
        published_schedule=Schedule(epochs=20, batch=64),
        codebook_schedule=Schedule(epochs=60, batch=64, rate=3e-3),
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
