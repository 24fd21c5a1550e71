"""From what a user asks for to a job: every choice that was left open is made here."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from obfnet.data.dataset import Dataset
from obfnet.data.digest import digest
from obfnet.data.splits import Splits
from obfnet.errors import SpecError
from obfnet.forging.classes import check_classes
from obfnet.forging.codebook import INDEXED
from obfnet.forging.halves import check_halves
from obfnet.forging.job import Factory, Job
from obfnet.forging.loop import Schedule, build
from obfnet.forging.pool import refuse_overlap
from obfnet.forging.recipe import Recipe
from obfnet.forging.table import classes_of
from obfnet.mechanisms.codebook import Codebook
from obfnet.mechanisms.mechanism import Mechanism
from obfnet.mechanisms.none import NoMechanism
from obfnet.nets.budget import Budget
from obfnet.nets.cost import cost
from obfnet.nets.families import propose
from obfnet.nets.frozen import InfNet
from obfnet.specs import Samples

#: Steps of 128 samples that a small encoder needs to converge, and the epochs that may take.
STEPS, EPOCHS = 2500, (10, 150)
#: Learned values of an encoder where no budget is given, and per value of a plain sample.
USUAL_PARAMS, PER_VALUE = 10_000, 64
#: The ObfNet of the paper that is forged where nobody names another.
PUBLISHED = "mnist-om"
#: Exemplars of each code where rows are decoys and nobody says how many.
DECOYS = 8
#: Mechanisms that a name alone describes.
BY_NAME: dict[str, Callable[[int], Mechanism]] = {
    "codebook": lambda classes: Codebook(classes),
    "none": lambda _classes: NoMechanism(),
}


def plan(
    infnet: InfNet,
    data: Dataset,
    splits: Splits,
    mechanism: str | Mechanism,
    budget: Budget | None,
    encoder: str | Factory | None,
    decoder: str | Factory | None,
    rows: str | None,
    exemplars: int | None,
    pool: Samples | None,
    objectives: Mapping[str, float] | None,
    schedule: Schedule | None,
    seed: int,
) -> Job:
    """The job that ``obfnet.forge`` describes; see there for the arguments.

    Raises:
        SpecError: something does not fit something else, or no encoder fits the budget.
        OverlapError: the pool holds a sample that the ObfNets are trained or judged on.
    """
    if not isinstance(infnet, InfNet):
        raise SpecError(f"expected an InfNet from obfnet.freeze, got {type(infnet).__name__}")
    check_classes(data, splits)
    limit = _mechanism(mechanism, len(data.classes))
    if isinstance(limit, INDEXED):
        classes_of(limit.codes, len(data.classes))
        decoding = None
        if decoder is not None:
            raise SpecError("the decoder of a codebook is its table; leave decoder= out")
    else:
        decoding = _decoder(decoder, limit, data, encoder)
    way = rows or _usual_rows(infnet, pool)
    if pool is not None:
        for part in ("train", "validation", "test", "evaluation"):
            refuse_overlap(pool, data.samples[getattr(splits, part)], part)
    job = Job(
        infnet=infnet,
        data=data,
        splits=splits,
        mechanism=limit,
        encoder=_encoder(encoder, limit, data, budget, decoding),
        schedule=schedule or usual_schedule(len(splits.train)),
        decoder=decoding,
        rows=way,
        exemplars=exemplars or (DECOYS if way == "decoy" else 1),
        pool=pool,
        objectives=dict(objectives or {"cross-entropy": 1.0}),
        seed=seed,
    )
    check_halves(job, budget)
    return job


def spec_of(job: Job, devices: int, size: int) -> dict[str, Any]:
    """All that a forging depends on, JSON-ready."""
    return {
        "devices": devices,
        "size": size,
        "seed": job.seed,
        "infnet": job.infnet.digest,
        "data": {"name": job.data.name, "digest": digest(job.data)},
        "sample": asdict(job.data.spec),
        "splits": {
            "train": len(job.splits.train),
            "validation": len(job.splits.validation),
            "digest": _digest(job.splits),
        },
        "mechanism": job.mechanism.name,
        "mechanism_args": asdict(job.mechanism),  # type: ignore[call-overload]
        "encoder": _written(job.encoder),
        "decoder": None if job.decoder is None else _written(job.decoder),
        "rows": job.rows,
        "exemplars": job.exemplars,
        "pool": None if job.pool is None else hashlib.sha256(job.pool.tobytes()).hexdigest(),
        "objectives": dict(job.objectives),
        "schedule": asdict(job.schedule),
        "versions": {name: version(name) for name in ("obfnet", "torch", "numpy")},
    }


def usual_schedule(samples: int) -> Schedule:
    """A schedule long enough for a small encoder on this many training samples."""
    batch = 128 if samples >= 10_000 else 64
    epochs = round(STEPS * batch / max(1, samples))
    return Schedule(min(max(epochs, EPOCHS[0]), EPOCHS[1]), batch, rate=3e-3)


def usual_budget(data: Dataset) -> Budget:
    """What an encoder may cost where nobody says."""
    plain = data.kind == "plain"
    return Budget(params=USUAL_PARAMS + (PER_VALUE * data.spec.size if plain else 0))


def _mechanism(mechanism: str | Mechanism, classes: int) -> Mechanism:
    if not isinstance(mechanism, str):
        return mechanism
    if mechanism not in BY_NAME:
        raise SpecError(
            f"mechanism {mechanism!r} needs arguments: give it made, e.g. mechanism=Bits(16); by "
            f"name alone there are {', '.join(BY_NAME)}"
        )
    return BY_NAME[mechanism](classes)


def _encoder(
    encoder: str | Factory | None,
    mechanism: Mechanism,
    data: Dataset,
    budget: Budget | None,
    decoder: Factory | None,
) -> Factory:
    if encoder is not None and budget is not None:
        raise SpecError("give an encoder or a budget that proposes one, not both")
    if encoder is not None and not isinstance(encoder, str):
        return encoder
    shape = list(data.spec.shape)
    if isinstance(mechanism, NoMechanism):
        return Recipe("obfnets", encoder or PUBLISHED, {"shape": shape}, "encoder")
    assert mechanism.width is not None
    if encoder is not None:
        return Recipe("encoders", encoder, {"shape": shape, "outputs": mechanism.width})
    left = budget or usual_budget(data)
    if decoder is not None and budget is not None:
        left = _without(budget, decoder, mechanism.width)
    found = propose(data.spec.shape, mechanism.width, left, data.kind)
    return Recipe(
        "encoders",
        found.encoder,
        {"shape": shape, "outputs": mechanism.width, **_plain(found.arguments)},
    )


def _decoder(
    decoder: str | Factory | None, mechanism: Mechanism, data: Dataset, encoder: object
) -> Factory:
    if decoder is not None and not isinstance(decoder, str):
        return decoder
    shape = list(data.spec.shape)
    if isinstance(mechanism, NoMechanism):
        name = encoder if isinstance(encoder, str) else PUBLISHED
        return Recipe("obfnets", decoder or name, {"shape": shape}, "decoder")
    return Recipe(
        "decoders",
        decoder or "usual",
        {"width": mechanism.width, "shape": shape, "low": data.spec.low, "high": data.spec.high},
    )


def _without(budget: Budget, decoder: Factory, width: int) -> Budget:
    """What ``decoder`` leaves of ``budget``.

    Raises:
        SpecError: nothing.
    """
    spent = cost(build(decoder, 0), (width,))
    left = {
        name: None if bound is None else bound - getattr(spent, name)
        for name, bound in asdict(budget).items()
    }
    if any(bound is not None and bound <= 0 for bound in left.values()):
        raise SpecError(
            f"the decoder alone costs {spent}, the budget is {budget}: raise it, or bring a "
            "smaller decoder"
        )
    return Budget(**left)


def _usual_rows(infnet: InfNet, pool: Samples | None) -> str:
    """Gradients where there are any, then public samples, then search."""
    if infnet.differentiable:
        return "optimised"
    return "searched" if pool is None else "decoy"


def _plain(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as JSON would give them back."""
    return {name: list(v) if isinstance(v, tuple) else v for name, v in arguments.items()}


def _written(factory: Factory) -> dict[str, Any] | None:
    """A recipe as JSON; None for a user's own factory, which cannot be written down."""
    return asdict(factory) if isinstance(factory, Recipe) else None


def _digest(splits: Splits) -> str:
    total = hashlib.sha256()
    for part in (splits.train, splits.validation):
        total.update(part.tobytes())
    return total.hexdigest()
