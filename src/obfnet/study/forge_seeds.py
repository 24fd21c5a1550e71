"""``obfnet study forge-mnist`` and ``forge-fsd``: ten codebook ObfNets of ten seeds."""

from __future__ import annotations

import time
from pathlib import Path

from obfnet.forging.fleet import forge
from obfnet.forging.loop import Schedule
from obfnet.nets.budget import Budget
from obfnet.study.forged import row
from obfnet.study.making import make_infnet, open_workplace
from obfnet.study.sheet import publish
from obfnet.study.study import Ask

TITLE = "Codebook ObfNets of several seeds"
NOTE = (
    "Mean over ObfNets of different seeds for one frozen InfNet and one split, judged on test "
    "samples; the interval is Student's over seeds. The label always leaks. The local twin is "
    "a classifier of the same cost on the device alone: where it is as good, what remains is "
    "that the service stays as it is."
)
#: How many seeds each figure is the mean of.
SEEDS = 10
#: What a device may spend.
BUDGET = Budget(params=10_000, macs=1_000_000)
SCHEDULES = {
    "mnist": Schedule(epochs=8, rate=4e-3),
    "fsd": Schedule(epochs=60, batch=64, rate=3e-3),
    "digits": Schedule(epochs=40, batch=64, rate=3e-3),
}


def forge_seeds(data_name: str, ask: Ask) -> Path:
    """Forge ``SEEDS`` codebook ObfNets and a twin in one call; judge them on test data.

    The InfNet and the split are the same for all: the interval is over the ObfNets' seeds.
    """
    started = time.perf_counter()
    place = open_workplace(data_name, ask.seed)
    infnet = make_infnet(place)
    schedule = SCHEDULES[data_name]
    seeds = 2 if ask.quick else SEEDS
    fleet = forge(
        infnet,
        place.data,
        size=seeds,
        budget=BUDGET,
        splits=place.splits,
        schedule=Schedule(2, schedule.batch, schedule.rate) if ask.quick else schedule,
        seed=ask.seed,
        folder=ask.folder / "fleet",
    )
    held = place.data.take(place.splits.test)
    found = row(fleet, infnet, held, range(seeds)) | {
        "split": place.case.split_label,
        "infnet": place.case.infnet_label,
        "budget": {"params": BUDGET.params, "macs": BUDGET.macs},
    }
    return publish(ask.folder, ask.command, [found], time.perf_counter() - started, TITLE, NOTE)
