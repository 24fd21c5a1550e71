"""``obfnet bench audit-fleet``: ten ObfNets audited at once against one, on MNIST."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch

from obfnet.auditing.audit import audit
from obfnet.auditing.fleet import audit_fleet
from obfnet.auditing.report import Report
from obfnet.forging.codebook import forge_codebooks
from obfnet.forging.job import Job
from obfnet.forging.loop import Schedule
from obfnet.forging.obfnet import ObfNet
from obfnet.forging.recipe import Recipe
from obfnet.forging.through import forge_through
from obfnet.mechanisms.codebook import Codebook
from obfnet.mechanisms.none import NoMechanism
from obfnet.nets.frozen import TorchInfNet
from obfnet.nets.mlp import MlpEncoder
from obfnet.progress import say
from obfnet.seeds import branch
from obfnet.study.making import Workplace, make_infnet, open_workplace
from obfnet.study.sheet import publish

TITLE = "Ten ObfNets audited at once"
NOTE = (
    "Processor seconds of one process with one thread, which neighbours on the machine hardly "
    "change. The ratio is ten audits of one ObfNet over one audit of ten; 2.5 or more means that "
    "ten cost at most four times one. Leakage is the median over the ObfNets that both audited."
)
DEVICES = 10
Made = TypeVar("Made")
#: ObfNets that are audited one by one too.
SINGLES = 1
#: Enough that they leak as fully trained ones do; what is measured is the audit.
CODEBOOK = Schedule(epochs=3, batch=512, rate=1e-2)
THROUGH = Schedule(epochs=1, batch=64, rate=2e-3)
THROUGH_SAMPLES = 12_000


def bench_audit_fleet(folder: Path, seed: int, command: str) -> Path:
    """Audit one and ten codebook ObfNets, then O_M-64 ObfNets, at the quick preset.

    Args:
        folder: for ``results.json`` and its page.
        seed: root of the seed tree.
        command: what makes them again.
    """
    started = time.perf_counter()
    place = open_workplace("mnist", 0)
    infnet = make_infnet(place)
    threads = torch.get_num_threads()
    rows = []
    for label, make in (("codebook", _codebooks), ("O_M-64", _published)):
        obfnets = make(place, infnet, seed)
        torch.set_num_threads(1)
        try:
            rows.append(_row(label, obfnets, place, infnet, seed))
        finally:
            torch.set_num_threads(threads)
        seconds = time.perf_counter() - started
        path = publish(folder, command, rows, seconds, TITLE, NOTE)
    return path


def _row(
    label: str, obfnets: Sequence[ObfNet], place: Workplace, infnet: TorchInfNet, seed: int
) -> dict[str, Any]:
    told: dict[str, Any] = {"splits": place.splits, "seed": seed, "effort": "quick", "processes": 1}
    ten, at_once = _timed(partial(audit_fleet, obfnets, infnet, place.data, **told))
    # The last ones are no scouts.
    singles = [
        _timed(partial(audit, obfnet, infnet, place.data, **told)) for obfnet in obfnets[-SINGLES:]
    ]
    alone = sum(seconds for seconds, _ in singles) / SINGLES
    say(f"  {label}: {ten:.0f} s for {len(obfnets)}, {alone:.0f} s for one")
    return {
        "bench": "audit-fleet",
        "dataset": "mnist",
        "infnet": "I_C",
        "subject": f"{len(obfnets)} {label} ObfNets by one call",
        "baseline": "the same, one by one",
        "ratio": len(obfnets) * alone / ten,
        "unit": "processor seconds of an audit",
        "value": ten,
        "baseline_value": alone,
        "leakage": _median(at_once[-SINGLES:]),
        "baseline_leakage": _median([report for _, report in singles]),
    }


def _timed(make: Callable[[], Made]) -> tuple[float, Made]:
    started = time.process_time()
    made = make()
    return time.process_time() - started, made


def _median(reports: Sequence[Report]) -> float:
    ordered = sorted(each.leakage.value for each in reports)
    return ordered[len(ordered) // 2]


def _codebooks(place: Workplace, infnet: TorchInfNet, seed: int) -> list[ObfNet]:
    mechanism = Codebook(len(place.data.classes))
    encoder = partial(MlpEncoder, place.data.spec.shape, mechanism.codes, (128,), batch_norm=True)
    job = Job(infnet, place.data, place.splits, mechanism, encoder, CODEBOOK, seed=seed)
    return forge_codebooks(job, _seeds(seed))


def _published(place: Workplace, infnet: TorchInfNet, seed: int) -> list[ObfNet]:
    few = replace(place.splits, train=place.splits.train[:THROUGH_SAMPLES])
    arguments = {"shape": place.data.spec.shape, "width": 64}
    halves = [Recipe("obfnets", "mnist-om", arguments, half) for half in ("encoder", "decoder")]
    job = Job(infnet, place.data, few, NoMechanism(), halves[0], THROUGH, halves[1], seed=seed)
    return [forge_through(job, [each])[0] for each in _seeds(seed)]


def _seeds(seed: int) -> list[int]:
    return [branch(seed, "device", number) for number in range(DEVICES)]
