"""Forge a fleet: sets of distinct ObfNets, one set for each device."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch

from obfnet.data.dataset import Dataset
from obfnet.data.splits import Splits, split
from obfnet.errors import SpecError
from obfnet.forging import keeping
from obfnet.forging.chunks import chunk_size, chunks
from obfnet.forging.codebook import INDEXED, make_tables
from obfnet.forging.distinct import compare
from obfnet.forging.executors import Chunk, Executor, usual
from obfnet.forging.job import Factory, Job, Material, material
from obfnet.forging.loop import Schedule
from obfnet.forging.obfnet import ObfNet, Table
from obfnet.forging.plan import plan, spec_of
from obfnet.forging.report import report_of, write_report
from obfnet.forging.sets import ObfNetSet, spread_over
from obfnet.forging.stand_in import judged, with_gradients
from obfnet.forging.twin import train_twins
from obfnet.mechanisms.mechanism import Mechanism
from obfnet.nets.budget import Budget
from obfnet.nets.frozen import InfNet
from obfnet.progress import say
from obfnet.seeds import branch
from obfnet.specs import Samples

#: Samples that the ObfNets of a fleet are compared on.
COMPARED = 256

Place = tuple[int, int]


@torch.random.fork_rng(devices=[])  # who forges draws afterwards what he would have drawn
def forge(
    infnet: InfNet,
    data: Dataset,
    devices: int = 1,
    size: int = 1,
    mechanism: str | Mechanism = "codebook",
    budget: Budget | None = None,
    *,
    splits: Splits | None = None,
    encoder: str | Factory | None = None,
    decoder: str | Factory | None = None,
    rows: str | None = None,
    exemplars: int | None = None,
    pool: Samples | None = None,
    objectives: Mapping[str, float] | None = None,
    schedule: Schedule | None = None,
    surrogate: Factory | None = None,
    twins: bool = True,
    seed: int = 0,
    folder: Path | None = None,
    executor: Executor | None = None,
) -> list[ObfNetSet]:
    """Forge ``devices`` sets of ``size`` distinct ObfNets for a frozen InfNet.

    Many train at once, as many as the free memory holds; each one's result depends on its own
    seed and not on its neighbours.

    Args:
        infnet: from ``obfnet.freeze``; checked before and after.
        data: samples it classifies. Where a label is missing (-1), I(x) takes its place.
        devices: number of sets.
        size: ObfNets in each set.
        mechanism: what limits the code: ``"codebook"`` with one code for each class, ``"none"``
            for the paper's own, or one that is made, such as ``Bits(16)``.
        budget: bound on what one ObfNet costs a device, from which an encoder is proposed.
        splits: which samples train and validate; by default ``split(data, 0)``, the same as
            ``obfnet.audit`` takes, whatever the seed.
        encoder: instead of a budget, the name of a registered encoder (of a registered ObfNet
            for mechanism ``"none"``), or what makes an untrained one with ``mechanism.width``
            outputs.
        decoder: likewise, from a released code to x'; codebooks have a table instead.
        rows: how the rows of a codebook are found, ``"optimised"``, ``"decoy"`` or
            ``"searched"``; by default the first that the InfNet and ``pool`` allow.
        exemplars: rows for each code, one of which is drawn at each release; by default 8 of
            decoys and 1 of others.
        pool: public samples ``(n, *shape)`` for decoy rows.
        objectives: weight of each named term of the loss; ``{"cross-entropy": 1}`` by default.
        schedule: how long to train; by default ``usual_schedule``.
        surrogate: makes an untrained stand-in for an InfNet without gradients, where training
            needs them; validation accuracies are of the InfNet itself all the same.
        twins: whether to train each set's local twin.
        seed: root of the seed tree; every ObfNet has its own branch.
        folder: where finished ObfNets are kept. A call that was killed goes on from there, and
            a later one may ask for more devices or larger sets.
        executor: what forges the chunks; by default this process, one after another.
            ``obfnet.forging.cluster.on_ray`` gives one for a Ray cluster.

    Raises:
        SpecError: something in the call does not fit, or no encoder fits the budget.
        NotForgeableError: rows are not recognised, or two ObfNets are not distinct.
        InfNetChangedError: something has written to the InfNet.
        BackendError: an InfNet behind an endpoint failed; what was kept stays.
    """
    started = time.perf_counter()
    if devices < 1 or size < 1:
        raise SpecError(f"expected devices >= 1 and size >= 1, got {devices} and {size}")
    splits = split(data, 0) if splits is None else splits
    job = plan(
        infnet, data, splits, mechanism, budget, encoder, decoder, rows, exemplars, pool,
        objectives, schedule, seed,
    )  # fmt: skip
    probes = spread_over(data, splits)
    if folder is not None:
        keeping.open_folder(folder, spec_of(job, devices, size))
    places = [(device, member) for device in range(devices) for member in range(size)]
    working = with_gradients(job, surrogate)
    given = material(job)
    made = forge_all(working, given, places, folder, executor or usual(working), job)
    everything = [made[place] for place in places]
    distinct = None
    if len(everything) > 1:
        distinct = compare(everything, spread_over(data, splits, COMPARED), seed)
    twin_seeds = [branch(seed, "device", device) for device in range(devices)]
    trained = train_twins(working, twin_seeds, given) if twins else ()
    infnet.verify()
    fleet = [
        ObfNetSet(
            f"device-{device}",
            tuple(made[device, member] for member in range(size)),
            infnet.digest,
            probes,
            trained[device] if trained else None,
            distinct,
        )
        for device in range(devices)
    ]
    if folder is not None:
        write_report(folder, report_of(fleet, time.perf_counter() - started))
    return fleet


def forge_all(
    job: Job,
    given: Material,
    places: Sequence[Place],
    folder: Path | None,
    executor: Executor,
    asked: Job,
) -> dict[Place, ObfNet]:
    """The ObfNet for each place (device, member): kept from an earlier call, or forged now.

    Args:
        job: what is forged.
        given: of the job.
        places: of all ObfNets.
        folder: where finished ones are kept, or None.
        executor: what forges.
        asked: ``job`` with the InfNet that finished ones are judged by, where it has a stand-in.
    """
    made: dict[Place, ObfNet] = {}
    if folder is not None:
        for place in places:
            path = keeping.path_of(folder, *place)
            if path.exists():
                made[place] = keeping.load(
                    path, job.encoder, job.decoder, job.mechanism, job.data.spec
                )
    missing = [place for place in places if place not in made]
    if made:
        say(f"  {len(made)} of {len(places)} ObfNets are kept from an earlier call")
    if not missing:
        return made
    size = min(chunk_size(job, executor.workers), -(-len(missing) // executor.workers))
    parts = chunks(missing, size)
    seeds = [[branch(job.seed, "device", *place) for place in part] for part in parts]
    for number, forged in executor.run(job, given, _with_tables(job, seeds, list(made.values()))):
        for place, obfnet in zip(parts[number], forged, strict=True):
            made[place] = obfnet = obfnet if asked is job else judged(obfnet, asked, given)
            if folder is not None:
                keeping.save(keeping.path_of(folder, *place), obfnet)
    return made


def _with_tables(
    job: Job, parts: Sequence[Sequence[int]], made: Sequence[ObfNet]
) -> Iterator[Chunk]:
    """The chunks, each with tables where the mechanism needs them.

    Tables are made here and not by whoever forges: only here is it known which samples of a
    pool are taken, and an InfNet behind an endpoint is asked from one place.
    """
    taken = [made.decoder.rows for made in made if isinstance(made.decoder, Table)]
    for seeds in parts:
        if isinstance(job.mechanism, INDEXED):
            tables = make_tables(job, seeds, taken)
            if job.rows == "decoy":
                taken += [table.rows for table in tables]
            yield seeds, tables
        else:
            yield seeds, None
