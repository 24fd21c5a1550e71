"""Forge against a surrogate where the InfNet gives no gradients, and judge on the InfNet itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from obfnet.forging.codebook import INDEXED
from obfnet.forging.job import Factory, Job, Material
from obfnet.forging.obfnet import ObfNet
from obfnet.forging.surrogate import distil
from obfnet.nets.budget import Budget
from obfnet.nets.families import propose
from obfnet.progress import say
from obfnet.seeds import branch

#: Learned values of a surrogate where nobody brings one.
USUAL = Budget(params=200_000)


def with_gradients(job: Job, surrogate: Factory | None) -> Job:
    """``job`` as it is, or with a surrogate of its InfNet where it needs gradients and has none.

    Args:
        job: its InfNet is asked about every training sample once, if a surrogate is needed.
        surrogate: makes an untrained one; by default the usual encoder, larger than a device's.

    Raises:
        SpecError, InfNetChangedError, BackendError: see ``surrogate.distil``.
    """
    if job.infnet.differentiable or isinstance(job.mechanism, INDEXED):
        return job
    shape, classes = job.data.spec.shape, len(job.data.classes)
    made = distil(
        job.infnet,
        surrogate or propose(shape, classes, USUAL, job.data.kind).factory,
        job.data.samples[job.splits.train],
        job.schedule,
        branch(job.seed, "surrogate"),
    )
    say(
        f"  the InfNet gives no gradients: a surrogate that agrees with it on {made.agreement:.1%} "
        f"of {made.measured} samples stands in for training"
    )
    return replace(job, infnet=made)


def judged(obfnet: ObfNet, job: Job, given: Material) -> ObfNet:
    """``obfnet`` with the validation accuracy that the InfNet of ``job`` itself gives it."""
    draw = np.random.default_rng(branch(obfnet.seed, "noise")).random
    answers = job.infnet.predict(obfnet(given.held_samples.numpy(), draw))
    score = float((answers == given.held_labels).mean())
    return replace(obfnet, fit=replace(obfnet.fit, score=score))
