"""A setting opened: its data loaded and split, its InfNet trained or found again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import nn

from obfnet.auditing.effort import Effort
from obfnet.data.dataset import Dataset
from obfnet.data.digest import digest
from obfnet.data.loading import load
from obfnet.data.splits import Splits
from obfnet.forging.infnet import train_infnet
from obfnet.forging.loop import Schedule
from obfnet.nets.frozen import TorchInfNet, freeze
from obfnet.progress import say
from obfnet.registry import find
from obfnet.seeds import branch
from obfnet.specs import Labels
from obfnet.study.kept import kept, key
from obfnet.study.obfnet_paper.trial import Setting
from obfnet.study.study import Ask
from obfnet.study.unexamined import effort_of
from obfnet.threads import available

#: Training samples of a quick run, epochs of its ObfNets, and of its InfNet, which has to know
#: its classes, or no codebook can be had for it.
QUICK_SAMPLES, QUICK_EPOCHS, QUICK_TAUGHT = 512, 2, 12


@dataclass(frozen=True, eq=False)
class Place:
    """Where the trials of one setting are made.

    Args:
        setting: what was asked.
        data: the dataset.
        splits: of the InfNet and of the attacker.
        infnet: trained on ``splits``.
        effort: of audits.
        seed: root of the seed tree.
        folder: where everything of the study is kept.
        run: digest of what the InfNet was made from.
        quick: whether only the running is tried.
    """

    setting: Setting
    data: Dataset
    splits: Splits
    infnet: TorchInfNet
    effort: Effort
    seed: int
    folder: Path
    run: str
    quick: bool

    def schedule(self, asked: Schedule) -> Schedule:
        """``asked``, or a few epochs of it."""
        return _schedule(asked, QUICK_EPOCHS if self.quick else None)


def open_place(setting: Setting, ask: Ask) -> Place:
    """Load, split and train, or find what an earlier run has trained."""
    torch.set_num_threads(available())
    say(f"{setting.data}: {setting.label}, {setting.split_label}")
    data, content = _loaded(setting.data, json.dumps(dict(setting.options)))
    if not setting.attributes:
        data = replace(data, attributes={}, attribute_names={})
    splits = setting.split(data, branch(ask.seed, "split"))
    if ask.quick:
        splits = replace(splits, train=_some(splits.train, QUICK_SAMPLES, ask.seed))
    schedule = _schedule(setting.schedule, QUICK_TAUGHT if ask.quick else None)
    run = key(data=content, split=setting.split_label, net=setting.infnet, schedule=repr(schedule),
              seed=ask.seed, quick=ask.quick)  # fmt: skip
    factory = partial(find("infnets", setting.infnet), data.spec.shape, len(data.classes))
    infnet = kept(
        ask.folder / "infnets" / f"{setting.name}-{run}.safetensors",
        lambda: train_infnet(factory, data, splits, schedule, branch(ask.seed, setting.label)),
        lambda made: safetensors.torch.save(made.module.state_dict()),
        partial(_restored, factory),
    )
    return Place(
        setting, data, splits, infnet, effort_of(ask), ask.seed, ask.folder, run, ask.quick
    )


def _schedule(asked: Schedule, most: int | None) -> Schedule:
    return asked if most is None else replace(asked, epochs=min(asked.epochs, most))


@lru_cache(maxsize=1)  # settings of one dataset follow one another; two would not fit in memory
def _loaded(name: str, options: str) -> tuple[Dataset, str]:
    given: Mapping[str, Any] = json.loads(options)
    data = load(name, **given)
    return data, digest(data)


def _some(indices: Labels, most: int, seed: int) -> Labels:
    return np.random.default_rng(branch(seed, "fewer")).permutation(indices)[:most]


def _restored(factory: partial[nn.Module], content: bytes) -> TorchInfNet:
    module = factory()
    module.load_state_dict(safetensors.torch.load(content))
    return freeze(module)
