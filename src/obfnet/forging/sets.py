"""Forge sets of distinct ObfNets, one set for each device."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import nn

from obfnet.data.dataset import Dataset
from obfnet.data.splits import Splits, split
from obfnet.errors import SpecError
from obfnet.forging.codebook import forge_codebook
from obfnet.forging.loop import Schedule
from obfnet.forging.obfnet import ObfNet
from obfnet.mechanisms.codebook import Codebook
from obfnet.nets.frozen import InfNet
from obfnet.nets.separable import SeparableEncoder
from obfnet.seeds import branch
from obfnet.specs import Samples

#: Enough real samples to compare an exported net at batch 1, 3 and 17.
PROBES = 32


@dataclass(frozen=True, eq=False)
class ObfNetSet:
    """One device's ObfNets; as a callable it draws one of them for each sample.

    Args:
        device: the device's id.
        obfnets: distinct, all for the same InfNet.
        infnet: the InfNet's digest.
        probes: a few real validation samples ``(n, *shape)`` that exports are compared on.
    """

    device: str
    obfnets: tuple[ObfNet, ...]
    infnet: str
    probes: Samples

    def __call__(self, samples: Samples) -> Samples:
        """x' ``(n, *shape)``, each sample through an ObfNet drawn from the system's generator."""
        released = np.empty_like(samples)
        drawn = np.array([secrets.randbelow(len(self.obfnets)) for _ in samples], dtype=np.int64)
        for position, obfnet in enumerate(self.obfnets):
            chosen = drawn == position
            released[chosen] = obfnet(samples[chosen])
        return released


def forge(
    infnet: InfNet,
    data: Dataset,
    devices: int = 1,
    size: int = 1,
    mechanism: str = "codebook",
    *,
    splits: Splits | None = None,
    encoder: Callable[[], nn.Module] | None = None,
    schedule: Schedule | None = None,
    seed: int = 0,
) -> list[ObfNetSet]:
    """Forge ``devices`` sets of ``size`` distinct codebook ObfNets for a frozen InfNet.

    Args:
        infnet: from ``obfnet.freeze``; its digest is checked before and after.
        data: samples and labels it classifies.
        devices: number of sets.
        size: ObfNets in each set.
        mechanism: ``"codebook"`` with one code for each class.
        splits: which samples train and validate; by default the dataset's own for ``seed``.
        encoder: makes an untrained encoder; by default the small depthwise-separable one.
        schedule: how long to train; by default 10 epochs.
        seed: root of the seed tree; every ObfNet has its own branch.

    Raises:
        SpecError: a count below 1, or another mechanism.
        ForgeError: the InfNet does not recognise the rows of a table.
        InfNetChangedError: something has written to the InfNet.
    """
    if devices < 1 or size < 1:
        raise SpecError(f"expected devices >= 1 and size >= 1, got {devices} and {size}")
    if mechanism != Codebook.name:
        raise SpecError(
            f"forge makes {Codebook.name!r} ObfNets, got {mechanism!r}; the published ones "
            "are made by obfnet.forging.through.forge_through"
        )
    splits = split(data, seed) if splits is None else splits
    codebook = Codebook(len(data.classes))
    make = encoder or (lambda: SeparableEncoder(data.spec.shape, codebook.codes))
    probes = data.samples[splits.validation[:PROBES]]
    return [
        ObfNetSet(
            f"device-{device}",
            tuple(
                forge_codebook(
                    make,
                    infnet,
                    data,
                    splits,
                    schedule or Schedule(epochs=10),
                    branch(seed, "device", device, member),
                    codebook,
                )
                for member in range(size)
            ),
            infnet.digest,
            probes,
        )
        for device in range(devices)
    ]
