"""Codebook forging with the InfNet out of the loop: K of its answers are all that is needed."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from obfnet.data.dataset import Dataset
from obfnet.data.splits import Splits
from obfnet.errors import SpecError
from obfnet.forging.augment import fitting
from obfnet.forging.loop import Schedule, build, fit
from obfnet.forging.obfnet import ObfNet, Table
from obfnet.forging.optimised import optimise_rows
from obfnet.forging.table import RecognisedRows
from obfnet.mechanisms.codebook import Codebook
from obfnet.mechanisms.randomised_codebook import RandomisedCodebook
from obfnet.nets.frozen import InfNet
from obfnet.seeds import branch


def forge_codebook(
    factory: Callable[[], nn.Module],
    infnet: InfNet,
    data: Dataset,
    splits: Splits,
    schedule: Schedule,
    seed: int,
    mechanism: Codebook | RandomisedCodebook,
) -> ObfNet:
    """Forge one codebook ObfNet.

    The InfNet is asked about the K rows only. Its K x C table of log-probabilities then stands
    in for it: the encoder is trained to maximise the probability that the released row is
    answered with the right label, log sum_k p(k | x) P(label | row k).

    Args:
        factory: makes an untrained encoder with ``mechanism.codes`` outputs.
        infnet: frozen, checked before and after.
        data: samples and labels.
        splits: train and validation parts are used, no other.
        schedule: how long and how fast.
        seed: fixes rows, initial weights, order and augmentation.
        mechanism: how many codes, and whether the index is randomised.

    Raises:
        SpecError: the InfNet answers with other classes than the data has, the codes are no
            multiple of them, or it takes more rows for a class than the mechanism certifies.
        ForgeError: the InfNet does not recognise the rows.
        InfNetChangedError: something has written to the InfNet.
    """
    started = time.perf_counter()
    infnet.verify()
    table = optimise_rows(infnet, data.spec, mechanism.codes, branch(seed, "rows"))
    _check(table, len(data.classes), mechanism.rows_per_class)
    encoder = build(factory, branch(seed, "encoder"))
    samples = torch.from_numpy(data.samples[splits.train])
    answers = table.log_probabilities.T[torch.from_numpy(data.labels[splits.train])]
    augment = fitting(data.kind, data.spec.shape)
    held_samples = torch.from_numpy(data.samples[splits.validation])
    held_labels = data.labels[splits.validation]

    def loss(indices: torch.Tensor) -> torch.Tensor:
        batch = samples[indices] if augment is None else augment(samples[indices])
        right = (mechanism.relax(encoder(batch)) + answers[indices]).logsumexp(1)
        mean: torch.Tensor = -right.mean()
        return mean

    def score() -> float:
        codes = torch.cat([encoder(part) for part in held_samples.split(1024)])
        uniform = np.random.default_rng(branch(seed, "noise")).random
        released = mechanism.release(codes.numpy(), uniform)
        return float((table.labels[released] == held_labels).mean())

    trained = fit(encoder, loss, score, len(samples), schedule, branch(seed, "order"), "forge")
    infnet.verify()
    seconds = time.perf_counter() - started
    return ObfNet(encoder, mechanism, Table(table.rows), data.spec, seed, seconds, trained)


def _check(table: RecognisedRows, classes: int, rows_per_class: int) -> None:
    answers = table.log_probabilities.shape[1]
    if answers != classes:
        raise SpecError(f"the InfNet answers with {answers} classes, the data has {classes}")
    most = int(np.bincount(table.labels).max())
    if most > rows_per_class:
        raise SpecError(
            f"the InfNet takes {most} rows for one class, the mechanism certifies "
            f"{rows_per_class}: set rows_per_class={most}"
        )
