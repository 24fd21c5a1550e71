"""``obfnet study forge-cifar10``: the hard case, a third party's ResNet-20."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from obfnet.data.dataset import Dataset
from obfnet.data.loading import load
from obfnet.data.splits import Splits, split
from obfnet.forging.fleet import forge
from obfnet.forging.loop import Schedule
from obfnet.mechanisms.bits import Bits
from obfnet.mechanisms.codebook import Codebook
from obfnet.mechanisms.mechanism import Mechanism
from obfnet.nets.budget import Budget
from obfnet.nets.cost import macs
from obfnet.nets.frozen import InfNet, freeze
from obfnet.progress import say
from obfnet.registry import find
from obfnet.seeds import branch
from obfnet.study.forged import row
from obfnet.study.sheet import publish
from obfnet.study.study import Ask
from obfnet.threads import available

TITLE = "CIFAR-10 for a ResNet-20 that nobody here trained"
NOTE = (
    "Accuracy on the first 1,000 test pictures (one of them is .1 points), one seed for each "
    "row. Shares are of the InfNet's own MACs. Nothing was chosen on test pictures."
)
#: Shares of the InfNet's multiply-accumulates that a device may spend.
SHARES = {"1/20": 1 / 20, "1/10": 1 / 10, "1/4": 1 / 4}
#: Mechanisms at each share: bits cost an InfNet's pass for every sample, so only the first share
#: has all of them.
MECHANISMS: dict[str, tuple[Mechanism, ...]] = {
    "1/20": (Codebook(10), Bits(16), Bits(256)),
    "1/10": (Codebook(10),),
    "1/4": (Codebook(10),),
}
#: What one slow processor does in an hour or two: a codebook's encoder trains without the
#: InfNet, bits with it in every step.
CODEBOOK = {
    "1/20": Schedule(epochs=16, batch=64, rate=4e-3),
    "1/10": Schedule(epochs=10, batch=64, rate=4e-3),
    "1/4": Schedule(epochs=6, batch=64, rate=4e-3),
}
THROUGH = Schedule(epochs=4, batch=64, rate=3e-3)


def forge_cifar10(ask: Ask) -> Path:
    """Accuracy against certified bits and against MACs, on the 10,000 pictures that are given.

    Each row stands beside the local twin of its share: the classifier that a codebook's encoder
    is without a codebook, trained for as long on the same pictures.
    """
    started = time.perf_counter()
    torch.set_num_threads(available())
    say("data cifar10")
    data = load("cifar10")
    splits = split(data, branch(ask.seed, "split"), (0.82, 0.09, 0.09), official_test=True)
    infnet = freeze(find("pretrained", "cifar10-resnet20")())
    whole = macs(infnet.module, data.spec.shape)
    rows = []
    for share, mechanisms in MECHANISMS.items():
        budget, twin = Budget(macs=int(whole * SHARES[share])), None
        for mechanism in mechanisms:
            say(f"{mechanism} at {share} of ResNet-20's {whole:,} MACs")
            found = _row(ask, infnet, data, splits, mechanism, budget, share)
            twin = found["twin_accuracy"] or twin  # one for each share
            rows.append(found | {"twin_accuracy": twin})
    return publish(ask.folder, ask.command, rows, time.perf_counter() - started, TITLE, NOTE)


def _row(
    ask: Ask,
    infnet: InfNet,
    data: Dataset,
    splits: Splits,
    mechanism: Mechanism,
    budget: Budget,
    share: str,
) -> dict[str, Any]:
    indexed = isinstance(mechanism, Codebook)
    schedule = CODEBOOK[share] if indexed else THROUGH
    name = f"{mechanism.name}-{mechanism.width}-{share.replace('/', '_of_')}"
    fleet = forge(
        infnet,
        data,
        mechanism=mechanism,
        budget=budget,
        splits=splits,
        schedule=replace(schedule, epochs=1) if ask.quick else schedule,
        twins=indexed,
        seed=ask.seed,
        folder=ask.folder / name,
    )
    held = data.take(splits.test)
    return row(fleet, infnet, held, [ask.seed]) | {
        "split": "10,000 given, official test 1,000",
        "infnet": "ResNet-20",
        "budget": {"macs": budget.macs, "share": share},
    }
