"""What many ObfNets of one forging share; each adds only its seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from obfnet.data.dataset import Dataset
from obfnet.data.splits import Splits
from obfnet.forging.loop import Schedule, build
from obfnet.forging.objectives.batch import Batch
from obfnet.forging.objectives.building import build as build_objective
from obfnet.forging.objectives.objective import Objective
from obfnet.mechanisms.mechanism import Mechanism
from obfnet.nets.frozen import InfNet
from obfnet.nets.stack import Stack
from obfnet.progress import say
from obfnet.seeds import branch
from obfnet.specs import Labels, Samples

#: Makes an untrained net; picklable where it has to travel to another process.
Factory = Callable[[], nn.Module]


@dataclass(frozen=True, eq=False)
class Job:
    """Everything but the seeds of the single ObfNets.

    Args:
        infnet: the frozen classifier.
        data: samples, and labels if there are any.
        splits: train and validation parts are used, no other.
        mechanism: what limits the code.
        encoder: makes an untrained encoder with ``mechanism.width`` outputs.
        schedule: how long and how fast to train.
        decoder: makes an untrained decoder from a released code to x'; none for codebooks,
            whose decoder is a table.
        rows: how the rows of a codebook are found: a name in ``forging.rows.ROWS``.
        exemplars: how many rows stand for each code; one is drawn for each release.
        pool: public samples ``(n, *shape)`` for the rows, where they are decoys.
        objectives: weight of each named term of the loss, see ``docs/objectives.md``.
        seed: fixes what all ObfNets share: the order of samples and their augmentation.
    """

    infnet: InfNet
    data: Dataset
    splits: Splits
    mechanism: Mechanism
    encoder: Factory
    schedule: Schedule
    decoder: Factory | None = None
    rows: str = "optimised"
    exemplars: int = 1
    pool: Samples | None = None
    objectives: Mapping[str, float] = field(default_factory=lambda: {"cross-entropy": 1.0})
    seed: int = 0

    def stack(self, half: str, seeds: Sequence[int]) -> Stack:
        """Untrained nets side by side, each from its own seed; ``half`` is encoder or decoder."""
        factory: Factory = getattr(self, half)
        return Stack([build(factory, branch(seed, half)) for seed in seeds])


@dataclass(frozen=True, eq=False)
class Material:
    """Samples and what the InfNet is to answer, taken from a job once.

    Args:
        samples: training samples ``(n, *shape)``.
        labels: ``(n,)``; the InfNet's answer to x where the data has none.
        teacher: log-probabilities ``(n, classes)`` of I(x), or None where no term needs them.
        attributes: private attributes ``(n,)`` by name.
        held_samples: validation samples.
        held_labels: of the same kind as ``labels``.
    """

    samples: Tensor
    labels: Tensor
    teacher: Tensor | None
    attributes: Mapping[str, Tensor]
    held_samples: Tensor
    held_labels: Labels


def material(job: Job) -> Material:
    """Take what training needs from ``job``; asks the InfNet only where there is no other way.

    Raises:
        SpecError: the objectives name a term that there is not, or that the data cannot serve.
    """
    needs_teacher = Objectives(job, [0], width=1).needs_teacher
    data, train, held = job.data, job.splits.train, job.splits.validation
    teacher = job.infnet.log_probabilities(data.samples[train]) if needs_teacher else None
    return Material(
        samples=torch.from_numpy(data.samples[train]),
        labels=torch.from_numpy(labels_of(job, train)),
        teacher=None if teacher is None else torch.from_numpy(teacher),
        attributes={name: torch.from_numpy(each[train]) for name, each in data.attributes.items()},
        held_samples=torch.from_numpy(data.samples[held]),
        held_labels=labels_of(job, held),
    )


def labels_of(job: Job, part: Labels) -> Labels:
    """Labels of the samples at ``part``; the InfNet's answer to x where nobody knows."""
    labels = job.data.labels[part]
    unknown = labels < 0
    if unknown.any():
        say(f"  {unknown.sum()} of {len(part)} labels are missing: forged on I(x) instead")
        labels = labels.copy()
        labels[unknown] = job.infnet.predict(job.data.samples[part[unknown]])
    return labels


class Objectives:
    """The job's objective for as many nets as are still in training.

    Args:
        job: names the terms and their weights.
        seeds: of all nets.
        width: length of a released code.
    """

    def __init__(self, job: Job, seeds: Sequence[int], width: int) -> None:
        self._job, self._seeds, self._width = job, seeds, width
        first = self._built = self._build(range(len(seeds)))
        self._count = len(seeds)
        self.needs_teacher = first.needs_teacher
        self.adversaries = list(first.parameters())
        self.betas = first.betas

    def __call__(self, present: Sequence[int], batch: Batch) -> Tensor:
        """Losses of the nets numbered ``present``."""
        if len(present) != self._count:  # only nets without adversaries ever leave
            self._built, self._count = self._build(present), len(present)
        losses: Tensor = self._built(batch)
        return losses

    def _build(self, present: Sequence[int]) -> Objective:
        data = self._job.data
        return build_objective(
            self._job.objectives,
            nets=len(present),
            released_width=self._width,
            shape=data.spec.shape,
            classes=len(data.classes),
            seeds=[branch(self._seeds[number], "adversary") for number in present],
            attributes={name: len(names) for name, names in data.attribute_names.items()},
        )
