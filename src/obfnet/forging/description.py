"""What a forge's folder or an InfNet's holds, as plain JSON-ready facts."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from obfnet.forging.kept_fleet import load_kept
from obfnet.forging.summary import summarise
from obfnet.forging.trained import load_infnet, read_record
from obfnet.mechanisms.statement import statement
from obfnet.nets.cost import parameters

#: What is said of a forging as its spec has it.
TOLD = (
    "infnet", "data", "splits", "seed", "encoder", "decoder", "rows", "exemplars", "pool",
    "objectives", "schedule", "versions",
)  # fmt: skip


def describe_forge(folder: Path) -> dict[str, Any]:
    """What ``obfnet.forge(..., folder=folder)`` has made so far; every net is read.

    Raises:
        SpecError: it is no folder of a forge, or holds nets that were not written down.
        ForgeError: a file in it is damaged.
    """
    kept = load_kept(folder)
    twins = {} if kept.report is None else kept.report.twin_accuracy
    devices = []
    for device in range(int(kept.spec["devices"])):
        name = f"device-{device}"
        members = [made for place, made in kept.obfnets.items() if place[0] == device]
        if members:
            facts = asdict(summarise(name, members, twins.get(name)))
            devices.append(facts | facts.pop("cost"))
    report = kept.report
    return {
        "kind": "folder of a forge",
        "finished": f"{len(kept.obfnets)} of {len(kept.places)} ObfNets",
        "mechanism": statement(kept.mechanism, int(kept.spec["size"])),
        "devices": devices,
        "distinctness": None
        if report is None or report.distinctness is None
        else report.distinctness.to_dict(),
        "seconds": None if report is None else report.seconds,
        **{name: kept.spec.get(name) for name in TOLD},
    }


def describe_infnet(folder: Path) -> dict[str, Any]:
    """How the InfNet in ``folder`` came about, once its weights were compared with its digest.

    Raises:
        SpecError: it is no folder of ``obfnet train``.
        ForgeError: its weights are damaged, or others than were written.
    """
    module = load_infnet(folder).module
    facts = asdict(read_record(folder))
    return {"kind": "trained InfNet", "params": parameters(module), **facts}
