"""ObfNets beside the alternatives: the published bottleneck, bits and a codebook, as bundled."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from obfnet.auditing.adapters import subject_of
from obfnet.bundling.archive import Bundle
from obfnet.bundling.pack import bundle
from obfnet.edge.obfuscator import obfuscators
from obfnet.forging.fleet import forge
from obfnet.forging.loop import Schedule
from obfnet.forging.recipe import Recipe
from obfnet.forging.sets import ObfNetSet
from obfnet.mechanisms.none import NoMechanism
from obfnet.seeds import branch
from obfnet.study.alternatives_offer import Bench, Maker, Offer
from obfnet.study.audit_subjects import WANTED, Wanted

NAMES = ("codebook", "bits-8", "O_M", "O_C", "O_M-64")
#: What the study of audits does not forge.
MORE = {"mnist": (Wanted("O_C-64", NoMechanism(), Schedule(epochs=3), "mnist-oc", 64),)}


def wanted(data_name: str) -> tuple[Wanted, ...]:
    """The ObfNets that stand beside alternatives and before listeners, one device each."""
    chosen = [each for each in WANTED[data_name] if each.name in NAMES]
    return tuple(replace(each, devices=1) for each in (*chosen, *MORE.get(data_name, ())))


def ours(data_name: str) -> dict[str, Maker]:
    """Each of ``wanted(data_name)``."""
    return {each.name: partial(_offer, each) for each in wanted(data_name)}


def forged_set(bench: Bench, each: Wanted, size: int = 1) -> ObfNetSet:
    """Forge one device's set of ``size`` ObfNets, or find it in the bench's folder."""
    place = bench.place
    arguments = {"shape": list(place.data.spec.shape)}
    if each.width is not None:
        arguments["width"] = each.width  # type: ignore[assignment]
    halves = {
        half: Recipe("obfnets", each.published, arguments, half)
        for half in ("encoder", "decoder")
        if each.published
    }
    schedule = each.schedule
    (made,) = forge(
        bench.infnet,
        place.data,
        size=size,
        mechanism=each.mechanism,
        splits=place.splits,
        schedule=Schedule(1, schedule.batch, schedule.rate) if bench.quick else schedule,
        seed=branch(place.seed, "audited", each.name),
        folder=bench.folder
        / ("forged-quick" if bench.quick else "forged")
        / f"{each.name} x {size}",
        **halves,  # type: ignore[arg-type]
    )
    return made


def _offer(each: Wanted, bench: Bench) -> Offer:
    made = forged_set(bench, each)
    place, subject = bench.place, subject_of(made, each.name)
    if made.twin is not None:
        held = place.data.take(place.splits.test)
        twin = float((made.twin.predict(held.samples) == held.labels).mean())
        subject = replace(subject, twin_accuracy=twin)
    packed: Bundle = bundle(made)
    (on_device,) = obfuscators(packed)
    args = dict(vars(each.mechanism))
    return Offer(subject, bench.infnet, device=on_device, args=args)
