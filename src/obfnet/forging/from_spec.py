"""From a spec to the live objects it names, and to the call of ``obfnet.forge``."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from obfnet.data.dataset import Dataset
from obfnet.data.digest import digest
from obfnet.data.loading import load
from obfnet.data.splits import Splits, split
from obfnet.errors import SpecError
from obfnet.forging.executors import Executor
from obfnet.forging.fleet import forge
from obfnet.forging.loop import Schedule
from obfnet.forging.named_parts import check_arguments, mechanism_of, nets_of
from obfnet.forging.plan import usual_schedule
from obfnet.forging.public_pool import open_pool
from obfnet.forging.sets import ObfNetSet
from obfnet.forging.spec import DataSpec, ForgeSpec, InfNetSpec, ScheduleSpec
from obfnet.forging.trained import load_infnet, read_record
from obfnet.nets.answers import Answers
from obfnet.nets.frozen import InfNet, Terms, freeze
from obfnet.nets.probes import COUNT
from obfnet.progress import say
from obfnet.registry import find
from obfnet.specs import Samples
from obfnet.wire.transport import Limits


def forge_spec(
    spec: ForgeSpec, folder: Path | None = None, executor: Executor | None = None
) -> list[ObfNetSet]:
    """Forge what ``spec`` describes; see ``obfnet.forge``.

    Args:
        spec: from ``spec_file.parse``, or made.
        folder: where finished ObfNets are kept, and taken from.
        executor: what forges the chunks.

    Raises:
        SpecError: a name or an argument that nothing is registered for, or whatever
            ``obfnet.forge`` raises.
    """
    data, splits = load_data(spec.data)
    infnet = open_infnet(spec.infnet, data, spec.data)
    pool = None
    if spec.pool is not None:
        pool, splits = open_pool(spec.pool, data, splits, spec.forge.seed)
    encoder, decoder = nets_of(spec, data)
    return forge(
        infnet,
        data,
        spec.forge.devices,
        spec.forge.size,
        mechanism_of(spec.mechanism, len(data.classes)),
        spec.budget,
        splits=splits,
        encoder=encoder,
        decoder=decoder,
        rows=spec.forge.rows,
        exemplars=spec.forge.exemplars,
        pool=pool,
        objectives=spec.objectives,
        schedule=schedule_of(spec.schedule, len(splits.train)),
        twins=spec.forge.twins,
        seed=spec.forge.seed,
        folder=folder,
        executor=executor,
    )


def load_data(spec: DataSpec) -> tuple[Dataset, Splits]:
    """The dataset and its split.

    Raises:
        SpecError: no such dataset, options it does not take, or no such split of it.
    """
    check_arguments(f"[data] {spec.name}", find("datasets", spec.name), spec.options)
    data = load(spec.name, **spec.options)
    return data, split(
        data,
        spec.split_seed,
        disjoint_groups=spec.disjoint_groups,
        official_test=spec.official_test,
    )


def described(spec: DataSpec, data: Dataset) -> dict[str, Any]:
    """What a record says of its data: the spec, and a digest of what came of it."""
    return {**asdict(spec), "options": dict(spec.options), "digest": digest(data)}


def open_infnet(spec: InfNetSpec, data: Dataset, used: DataSpec) -> InfNet:
    """The InfNet that ``spec`` names, frozen.

    Args:
        spec: where it is.
        data: gives the real samples that a live model is identified by.
        used: how the data is split; an InfNet trained on another split of it is said to be.

    Raises:
        SpecError: there is none, or it is for samples of another shape.
        ForgeError: its file is damaged.
        BackendError: it is away.
    """
    if spec.folder is not None:
        record = read_record(spec.folder)
        if record.shape != data.spec.shape:
            raise SpecError(
                f"the InfNet in {spec.folder} takes samples of shape {record.shape}, "
                f"{data.name!r} has {data.spec.shape}"
            )
        here = described(used, data)
        if record.data["digest"] == here["digest"] and record.data != here:
            say(
                "  the InfNet was trained on another split: it knows samples that this one tests on"
            )
        return load_infnet(spec.folder, spec.outputs)
    answers: Answers = spec.answers  # type: ignore[assignment]  # freeze checks it
    if spec.pretrained is not None:
        module: nn.Module = find("pretrained", spec.pretrained)(data.spec.shape)
        return freeze(module, answers, spec.classes, spec.outputs)
    where = spec.onnx or _address(spec)
    return freeze(
        where, answers, spec.classes, spec.outputs, probes=_probes(data), terms=_terms(spec)
    )


def schedule_of(spec: ScheduleSpec, samples: int, rate: float | None = None) -> Schedule:
    """``spec`` over the usual schedule for this many training samples.

    Args:
        spec: what is None is as usual.
        samples: how many are trained on.
        rate: the usual rate, where another one is usual.

    Raises:
        SpecError: it makes no sense.
    """
    usual = usual_schedule(samples)
    given = {name: value for name, value in asdict(spec).items() if value is not None}
    return replace(usual, **{"rate": rate or usual.rate, **given})


def _address(spec: InfNetSpec) -> str:
    url = (spec.url or "").rstrip("/")
    return url if spec.model is None else f"{url}/v2/models/{spec.model}"


def _terms(spec: InfNetSpec) -> Terms:
    named = ("most_batch", "per_second", "most_queries", "keep")
    terms = {name: getattr(spec, name) for name in named}
    limits = {name: getattr(spec, name) for name in ("timeout", "attempts")}
    return Terms(
        **{name: value for name, value in terms.items() if value is not None},
        limits=Limits(**{name: value for name, value in limits.items() if value is not None}),
    )


def _probes(data: Dataset) -> Samples:
    """A few real samples, the same whatever the split."""
    return data.samples[np.linspace(0, len(data) - 1, COUNT).round().astype(np.int64)]
