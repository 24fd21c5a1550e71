"""A forge's folder as exports need it: the fleet, and what its ObfNets are judged by."""

from __future__ import annotations

from pathlib import Path

from obfnet.bundling.gate import TOLERANCE, Gate, gate_of
from obfnet.errors import SpecError
from obfnet.forging import spec_file
from obfnet.forging.from_spec import load_data, open_infnet
from obfnet.forging.kept_fleet import load_fleet
from obfnet.forging.public_pool import open_pool
from obfnet.forging.sets import ObfNetSet, spread_over
from obfnet.forging.spec_folder import SPEC


def open_forge(folder: Path, tolerance: float = TOLERANCE) -> tuple[list[ObfNetSet], Gate]:
    """The fleet that was forged in ``folder`` from a spec, and a gate of its InfNet and data.

    Args:
        folder: of ``obfnet forge``.
        tolerance: of accuracy, a fraction.

    Raises:
        SpecError: it is no such folder, or its InfNet is another one now.
        ForgeError: a file in it is damaged, or ObfNets are missing.
        BackendError: the InfNet is a service that is away.
    """
    spec = spec_file.load(folder / SPEC, {})
    data, splits = load_data(spec.data)
    infnet = open_infnet(spec.infnet, data, spec.data)
    if spec.pool is not None:  # the pool may be part of the data
        _, splits = open_pool(spec.pool, data, splits, spec.forge.seed)
    fleet = load_fleet(folder, spread_over(data, splits))
    if fleet[0].infnet != infnet.digest:
        raise SpecError(
            f"{folder} was forged for InfNet {fleet[0].infnet[:12]}, its spec names one that is "
            f"{infnet.digest[:12]} now: forge again"
        )
    return fleet, gate_of(infnet, data, splits, tolerance)


def set_of(fleet: list[ObfNetSet], device: int) -> ObfNetSet:
    """The set of one device.

    Raises:
        SpecError: there is no such device.
    """
    if not 0 <= device < len(fleet):
        raise SpecError(f"the fleet has devices 0 to {len(fleet) - 1}, there is no {device}")
    return fleet[device]
