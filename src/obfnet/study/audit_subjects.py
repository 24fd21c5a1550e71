"""What the study of audits looks at: ObfNets of every mechanism, forged once and kept."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from obfnet import files
from obfnet.auditing.adapters import subject_of, with_kin
from obfnet.auditing.planted import Backdoor, exactly
from obfnet.auditing.subject import Subject
from obfnet.forging.fleet import forge
from obfnet.forging.loop import Schedule
from obfnet.forging.obfnet import ObfNet
from obfnet.forging.recipe import Recipe
from obfnet.forging.sets import ObfNetSet
from obfnet.mechanisms.bits import Bits
from obfnet.mechanisms.codebook import Codebook
from obfnet.mechanisms.gaussian import Gaussian
from obfnet.mechanisms.mechanism import Mechanism
from obfnet.mechanisms.none import NoMechanism
from obfnet.nets.frozen import TorchInfNet
from obfnet.progress import say
from obfnet.seeds import branch
from obfnet.specs import SampleSpec
from obfnet.study.making import Workplace


@dataclass(frozen=True)
class Wanted:
    """One ObfNet to forge for an audit.

    Args:
        name: in tables, and of its folder.
        mechanism: what limits its code.
        schedule: how long it trains.
        published: registered name of a paper's ObfNet; otherwise an encoder is proposed.
        width: bottleneck of the published ObfNet, its own by default.
        devices: the first one's is audited, the others are its kin.
    """

    name: str
    mechanism: Mechanism
    schedule: Schedule
    published: str = ""
    width: int | None = None
    devices: int = 1


def _mechanisms(alone: Schedule, through: Schedule) -> tuple[Wanted, ...]:
    return (
        Wanted("codebook", Codebook(10), alone, devices=3),
        Wanted("bits-8", Bits(8), through),
        Wanted("bits-16", Bits(16), through),
        Wanted("gaussian-16", Gaussian(16, 1.0, 0.15), through),
    )


_MNIST, _FSD = Schedule(epochs=3), Schedule(epochs=20, batch=64)
_DIGITS = Schedule(epochs=40, batch=64, rate=3e-3)
#: By dataset.
WANTED: Mapping[str, tuple[Wanted, ...]] = MappingProxyType(
    {
        "mnist": (
            *_mechanisms(Schedule(epochs=10, rate=4e-3), Schedule(epochs=3, rate=3e-3)),
            Wanted("O_M-64", NoMechanism(), _MNIST, "mnist-om", 64, devices=2),
            *(
                Wanted(f"O_M-{width}", NoMechanism(), _MNIST, "mnist-om", width)
                for width in (8, 512, 32, 128)
            ),
            Wanted("O_C-64", NoMechanism(), _MNIST, "mnist-oc", 64),
        ),
        "fsd": (
            *_mechanisms(Schedule(60, 64, 3e-3), Schedule(60, 64, 3e-3)),
            Wanted("O_M", NoMechanism(), _FSD, "fsd-om", devices=3),
            Wanted("O_C", NoMechanism(), _FSD, "fsd-oc"),
        ),
        "digits": (
            Wanted("O_M-64", NoMechanism(), _DIGITS, "mnist-om", 64, devices=2),
            Wanted("codebook", Codebook(10), _DIGITS, devices=2),
        ),
    }
)


def forged(
    place: Workplace, infnet: TorchInfNet, wanted: Wanted, folder: Path, quick: bool = False
) -> Subject:
    """Forge ``wanted``, or find it in ``folder``; the twin's accuracy is on test samples.

    Args:
        place: data, splits and seed.
        infnet: what it is forged for.
        wanted: what to forge.
        folder: where ObfNets are kept.
        quick: one epoch only.
    """
    say(f"ObfNet {wanted.name}")
    here = folder / wanted.name
    schedule = wanted.schedule
    make = partial(
        forge,
        infnet,
        place.data,
        mechanism=wanted.mechanism,
        splits=place.splits,
        schedule=Schedule(1, schedule.batch, schedule.rate) if quick else schedule,
        seed=branch(place.seed, "audited", wanted.name),
        folder=here,
        **_halves(place, wanted),
    )
    note = here / "twin.json"
    if not note.exists():
        (alone,) = make()
        files.write(note, json.dumps({"twin_accuracy": _twin(place, alone)}))
    fleet = make(devices=wanted.devices, twins=False)
    subject = replace(
        subject_of(fleet[0], wanted.name),
        twin_accuracy=json.loads(note.read_text(encoding="utf-8"))["twin_accuracy"],
    )
    return with_kin(subject, fleet[1:])


def backdoors(codebook: Subject, spec: SampleSpec) -> Iterator[Subject]:
    """A codebook ObfNet with a thumbnail of x hidden in x', then with one in its code.

    The first is what a malicious vendor could hand out. The second stands behind the mechanism,
    which lets its certified bits through and no more.

    Args:
        codebook: one ObfNet, as ``forged`` gives it.
        spec: of its samples.
    """
    honest = cast(ObfNet, codebook.transform)
    hidden = Backdoor(exactly(honest), spec)
    loud = Backdoor(honest.encoder, spec, thumbnail=4, amplitude=0.5)
    yield subject_of(hidden, f"{codebook.name}, backdoor in x'")
    yield subject_of(replace(honest, encoder=loud), f"{codebook.name}, backdoor in its code")


def _twin(place: Workplace, alone: ObfNetSet) -> float | None:
    if alone.twin is None:
        return None
    held = place.data.take(place.splits.test)
    return float((alone.twin.predict(held.samples) == held.labels).mean())


def _halves(place: Workplace, wanted: Wanted) -> dict[str, Any]:
    if not wanted.published:
        return {}
    arguments: dict[str, Any] = {"shape": list(place.data.spec.shape)}
    if wanted.width is not None:
        arguments["width"] = wanted.width
    return {
        half: Recipe("obfnets", wanted.published, arguments, half)
        for half in ("encoder", "decoder")
    }
