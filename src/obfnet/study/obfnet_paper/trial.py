"""What is asked: one InfNet on one split of one dataset, and the ObfNets that are tried on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from obfnet.data.dataset import Dataset
from obfnet.data.splits import Splits, split
from obfnet.forging.loop import Schedule
from obfnet.mechanisms.mechanism import Mechanism
from obfnet.mechanisms.none import NoMechanism

#: The paper's figure: one value, the least and the greatest of a range, or none.
Published = tuple[float, ...]


@dataclass(frozen=True)
class Trial:
    """ObfNets of one kind, of one or several seeds: one row.

    Args:
        figure: of the paper, or "beyond" for what it does not have.
        name: in tables, and of its folder; different from any other of the same setting.
        schedule: how long each trains.
        mechanism: what limits the code.
        published: registered name of a paper's ObfNet; otherwise an encoder is proposed.
        width: bottleneck of the published ObfNet, its own by default.
        seeds: how many ObfNets, forged side by side.
        audited: of how many of them, the first ones, it is measured what leaks; may be 0.
        paper: the paper's accuracy, a fraction.
        differs: how what is done here differs from what the paper did, in plain words.
    """

    figure: str
    name: str
    schedule: Schedule
    mechanism: Mechanism = field(default_factory=NoMechanism)
    published: str = ""
    width: int | None = None
    seeds: int = 1
    audited: int = 1
    paper: Published = ()
    differs: str = ""


@dataclass(frozen=True)
class Setting:
    """An InfNet on one split of one dataset.

    Args:
        data: registered name of the dataset.
        infnet: registered name of the InfNet.
        label: what tables call the InfNet.
        schedule: how the InfNet is trained.
        trials: ObfNets for it.
        options: of the dataset's loader.
        split: makes the splits from dataset and seed.
        split_label: what tables call them.
        recordings: whether test samples of one class and group hang together, as the frames of
            a recording: intervals of accuracy are then over these.
        attributes: whether private attributes are probed; not where a split leaves the
            attacker without an example of most of their values.
        paper: the paper's accuracy of the InfNet, a fraction.
        differs: as for a trial, of the InfNet.
    """

    data: str
    infnet: str
    label: str
    schedule: Schedule
    trials: tuple[Trial, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    split: Callable[[Dataset, int], Splits] = field(default=split, repr=False)
    split_label: str = "random 80/10/10"
    recordings: bool = False
    attributes: bool = True
    paper: Published = ()
    differs: str = ""

    @property
    def name(self) -> str:
        """For folders: no two settings of a study share it."""
        return f"{self.data}-{self.label}-{self.split_label.split()[0]}".replace("/", "_")

    @property
    def audited(self) -> bool:
        """Whether more than accuracy is wanted: what leaks, and pictures."""
        return any(trial.audited for trial in self.trials)
