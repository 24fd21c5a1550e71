"""The local twin: what a device of the same means would do without any InfNet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from obfnet.errors import SpecError
from obfnet.forging.augment import fitting
from obfnet.forging.chunks import chunk_size, chunks
from obfnet.forging.halves import cost_of_both
from obfnet.forging.job import Factory, Job, Material, material
from obfnet.forging.loop import build, fit_many
from obfnet.forging.recipe import Recipe
from obfnet.nets.budget import Budget
from obfnet.nets.cost import Cost, cost
from obfnet.nets.families import propose
from obfnet.nets.stack import Stack
from obfnet.progress import say
from obfnet.seeds import branch
from obfnet.specs import Labels, Samples


@dataclass(frozen=True, eq=False)
class Twin:
    """A classifier on the device alone, trained on the same samples for as long.

    Args:
        classifier: samples ``(n, *shape)`` to logits ``(n, classes)``.
        validation_accuracy: on the samples that chose its checkpoint.
        cost: within what the ObfNet costs.
    """

    classifier: nn.Module
    validation_accuracy: float
    cost: Cost

    def predict(self, samples: Samples, batch: int = 1024) -> Labels:
        """Labels ``(n,)`` of samples ``(n, *shape)``."""
        with torch.inference_mode():
            parts = [
                self.classifier(torch.tensor(samples[start : start + batch])).argmax(1)
                for start in range(0, len(samples), batch)
            ]
        return torch.cat(parts).numpy() if parts else np.zeros(0, np.int64)


def train_twins(job: Job, seeds: Sequence[int], given: Material | None = None) -> list[Twin]:
    """Train one twin for each seed, with the job's data and schedule.

    As many train at once as the free memory holds. Their architecture is the ObfNet's own
    encoder with one output for each class where it has no decoder to pay for; otherwise what is
    proposed for the cost of both halves.

    Returns:
        One for each seed, or none at all, which is said, where no classifier is as cheap as the
        ObfNet.
    """
    try:
        factory = architecture(job)
    except SpecError as error:
        say(f"  no local twin: {error}")
        return []
    given = given or material(job)
    parts = chunks(seeds, chunk_size(job))
    return [twin for part in parts for twin in _train(job, factory, part, given)]


def _train(job: Job, factory: Factory, seeds: Sequence[int], given: Material) -> list[Twin]:
    augment = fitting(job.data.kind, job.data.spec.shape)
    nets = Stack([build(factory, branch(seed, "twin")) for seed in seeds])

    def losses(indices: torch.Tensor, _present: list[int]) -> torch.Tensor:
        samples = given.samples[indices]
        logits = nets(samples if augment is None else augment(samples))
        wanted = given.labels[indices].expand(len(logits), -1)
        return cross_entropy(logits.transpose(1, 2), wanted, reduction="none").mean(1)

    def scores(_present: list[int]) -> list[float]:
        logits = torch.cat([nets(part) for part in given.held_samples.split(512)], dim=1)
        hits = logits.argmax(2).numpy() == given.held_labels
        return [float(each) for each in hits.mean(axis=1)]

    trained = fit_many(
        nets, losses, scores, len(given.samples), job.schedule, branch(job.seed, "order"), "twin"
    )
    shape = job.data.spec.shape
    return [
        Twin(made, fit.score, cost(made, shape))
        for fit, made in ((fit, nets.net(state)) for fit, state in trained)
    ]


def architecture(job: Job) -> Factory:
    """What makes an untrained twin for the ObfNets of ``job``.

    Raises:
        SpecError: no classifier is as cheap as the ObfNet.
    """
    shape, classes = job.data.spec.shape, len(job.data.classes)
    if job.decoder is None:
        if job.mechanism.width == classes:
            return job.encoder
        if isinstance(job.encoder, Recipe) and "outputs" in job.encoder.arguments:
            arguments = {**job.encoder.arguments, "outputs": classes}
            return Recipe(job.encoder.group, job.encoder.name, arguments)
    spent = cost_of_both(job)
    budget = Budget(spent.params, spent.macs)
    try:
        return propose(shape, classes, budget, job.data.kind).factory
    except SpecError:  # too little for a convolution; dense layers go smaller
        return propose(shape, classes, budget, "plain").factory
