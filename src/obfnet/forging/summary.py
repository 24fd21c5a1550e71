"""A device's set in a few figures, for a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from obfnet.forging.obfnet import ObfNet
from obfnet.nets.cost import Cost


@dataclass(frozen=True)
class Summary:
    """One device's ObfNets.

    Args:
        device: its id.
        obfnets: how many.
        validation_accuracy: of the InfNet on x', the least and the greatest.
        twin_accuracy: of the local twin on the same samples, or None.
        certified_bits: for one sample through one ObfNet, or None where nothing is proven.
        cost: of the dearest ObfNet, encoder and decoder together.
        seconds: of forging one, on average.
        seeds: of each.
    """

    device: str
    obfnets: int
    validation_accuracy: tuple[float, float]
    twin_accuracy: float | None
    certified_bits: float | None
    cost: Cost
    seconds: float
    seeds: tuple[int, ...]


def summarise(device: str, obfnets: Iterable[ObfNet], twin_accuracy: float | None) -> Summary:
    """The figures of at least one ObfNet of ``device``."""
    members = tuple(obfnets)
    accuracies = [each.validation_accuracy for each in members]
    certificate = members[0].mechanism.certificate()
    costs = [each.cost for each in members]
    return Summary(
        device=device,
        obfnets=len(members),
        validation_accuracy=(min(accuracies), max(accuracies)),
        twin_accuracy=twin_accuracy,
        certified_bits=certificate.bits if certificate.certified else None,
        cost=max(costs, key=lambda each: (each.params, each.macs)),
        seconds=float(np.mean([each.seconds for each in members])),
        seeds=tuple(each.seed for each in members),
    )
