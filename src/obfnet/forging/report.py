"""What a finished fleet is as a whole, kept beside its ObfNets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from obfnet import files
from obfnet.errors import ForgeError
from obfnet.forging.distinct import Distinctness
from obfnet.forging.sets import ObfNetSet

REPORT = "report.json"


@dataclass(frozen=True)
class Report:
    """What only a whole fleet can tell.

    Args:
        obfnets: how many there were.
        twin_accuracy: of each device's local twin on validation data, by device; empty if none
            was trained.
        distinctness: of all ObfNets, or None if there was one.
        seconds: wall time of the call that finished the fleet.
    """

    obfnets: int
    twin_accuracy: Mapping[str, float]
    distinctness: Distinctness | None
    seconds: float


def report_of(fleet: Sequence[ObfNetSet], seconds: float) -> Report:
    """The report of ``fleet``, which took the last call ``seconds``."""
    return Report(
        obfnets=sum(len(each.obfnets) for each in fleet),
        twin_accuracy={
            each.device: each.twin.validation_accuracy for each in fleet if each.twin is not None
        },
        distinctness=fleet[0].distinctness,
        seconds=seconds,
    )


def write_report(folder: Path, report: Report) -> None:
    """Write ``report`` to ``folder/report.json``.

    Raises:
        StorageError: it cannot be written.
    """
    files.write(folder / REPORT, json.dumps(asdict(report), indent=1) + "\n")


def read_report(folder: Path) -> Report | None:
    """The report in ``folder``, or None while the fleet is not finished.

    Raises:
        ForgeError: it is damaged.
    """
    path = folder / REPORT
    if not path.exists():
        return None
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        if plain["distinctness"] is not None:
            pairs = {name: tuple(plain["distinctness"][name]) for name in ("obfuscated", "codes")}
            plain["distinctness"] = Distinctness(**plain["distinctness"] | pairs)
        return Report(**plain)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ForgeError(
            f"{path} cannot be read ({error!r}): run the same forging again, its ObfNets are kept"
        ) from error
