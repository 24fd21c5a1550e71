"""Codebook forging with the InfNet out of the loop: K of its answers are all that is needed."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import torch

from obfnet.errors import SpecError
from obfnet.forging.augment import fitting
from obfnet.forging.job import Job, Material, Objectives, material
from obfnet.forging.loop import fit_many
from obfnet.forging.obfnet import ObfNet, Table
from obfnet.forging.objectives.batch import Batch
from obfnet.forging.rows import TABLES, pick
from obfnet.forging.table import RecognisedRows
from obfnet.mechanisms.codebook import Codebook
from obfnet.mechanisms.randomised_codebook import RandomisedCodebook
from obfnet.seeds import branch

#: Mechanisms whose released code is the index of a row.
INDEXED = (Codebook, RandomisedCodebook)
#: Below what a float can hold of a share of 1; keeps logarithms finite.
_TINY = 1e-37


def forge_codebooks(
    job: Job,
    seeds: Sequence[int],
    tables: Sequence[RecognisedRows] | None = None,
    given: Material | None = None,
) -> list[ObfNet]:
    """Forge one codebook ObfNet for each seed, all at once.

    The InfNet is asked about the rows only. Its table of log-probabilities then stands in for
    it: an encoder is trained to maximise the probability that the released row is answered with
    the right label, log sum_k p(k | x) P(label | row k).

    Args:
        job: what they share; its mechanism is a codebook.
        seeds: one for each; fixes its rows and initial weights.
        tables: of each, as ``make_tables`` gives them; by default made now.
        given: of the job, by default taken now. With both, the InfNet is not asked at all.

    Raises:
        SpecError: the InfNet answers with other classes than the data has, the codes are no
            multiple of them, or it takes more rows for a class than the mechanism certifies.
        NotForgeableError: the InfNet does not recognise the rows.
    """
    started = time.perf_counter()
    assert isinstance(job.mechanism, INDEXED)
    mechanism = job.mechanism
    tables = tables or make_tables(job, seeds)
    given = given or material(job)
    answers = torch.stack([table.log_probabilities for table in tables]).exp()
    said = [table.labels for table in tables]
    objectives = Objectives(job, seeds, mechanism.codes)
    draws = torch.Generator().manual_seed(branch(job.seed, "augment"))
    augment = fitting(job.data.kind, job.data.spec.shape)
    encoders = job.stack("encoder", seeds)

    def losses(indices: torch.Tensor, present: list[int]) -> torch.Tensor:
        samples = given.samples[indices]
        released = mechanism.relax(
            encoders(samples if augment is None else augment(samples, draws))
        )
        # log sum_k p(k | x) P(label | row k), in a form that neither over- nor underflows
        most = released.detach().amax(2, keepdim=True)
        mixed = torch.bmm((released - most).exp(), answers[present])
        batch = Batch(
            samples=samples,
            labels=given.labels[indices],
            answers=(mixed + _TINY).log() + most,
            released=released,
            teacher=None if given.teacher is None else given.teacher[indices],
            attributes={name: each[indices] for name, each in given.attributes.items()},
        )
        return objectives(present, batch)

    def scores(present: list[int]) -> list[float]:
        codes = torch.cat([encoders(part) for part in given.held_samples.split(512)], dim=1)
        return [
            _share(mechanism, code, said[number], given.held_labels, seeds[number])
            for number, code in zip(present, codes.numpy(), strict=True)
        ]

    trained = fit_many(
        encoders,
        losses,
        scores,
        len(given.samples),
        job.schedule,
        branch(job.seed, "order"),
        "forge",
        objectives.adversaries,
        objectives.betas,
        torch.Generator().manual_seed(branch(job.seed, "order")),
    )
    seconds = (time.perf_counter() - started) / len(seeds)
    return [
        ObfNet(encoders.net(state), mechanism, Table(table.rows), job.data.spec, seed, seconds, fit)
        for (fit, state), table, seed in zip(trained, tables, seeds, strict=True)
    ]


def make_tables(
    job: Job, seeds: Sequence[int], taken: Sequence[torch.Tensor] = ()
) -> list[RecognisedRows]:
    """The rows of each seed's table, and what the InfNet says of them, checked.

    Args:
        job: its mechanism is a codebook.
        seeds: one for each table.
        taken: rows ``(K, E, *shape)`` of tables that exist, whose decoys are not used again.

    Raises:
        SpecError, NotForgeableError: as ``forge_codebooks``.
        InfNetChangedError: something has written to the InfNet.
    """
    assert isinstance(job.mechanism, INDEXED)
    pool = {"pool": job.pool, "taken": taken} if job.rows == "decoy" else {}
    job.infnet.verify()
    tables: list[RecognisedRows] = pick(TABLES, job.rows)(
        job.infnet,
        job.data.spec,
        job.mechanism.codes,
        [branch(seed, "rows") for seed in seeds],
        exemplars=job.exemplars,
        **pool,
    )
    job.infnet.verify()
    for table in tables:
        _check(table, len(job.data.classes), job.mechanism.rows_per_class)
    return tables


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


def _share(
    mechanism: Codebook | RandomisedCodebook,
    code: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    said: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
    labels: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
    seed: int,
) -> float:
    """Share of samples whose released row the InfNet answers as it should."""
    uniform = np.random.default_rng(branch(seed, "noise")).random
    return float((said[mechanism.release(code, uniform)] == labels).mean())
