"""Forge sets of distinct ObfNets, one set for each device."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

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
from obfnet.registry import find
from obfnet.seeds import branch
from obfnet.specs import Samples

#: Real samples that exports are compared on, at batch 1, 3 and 17.
PROBES = 32
#: Steps of 128 samples that a small encoder needs to converge, and the epochs that may take.
STEPS, EPOCHS = 2500, (10, 150)


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
    encoder: str | Callable[[], nn.Module] = "separable",
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
        splits: which samples train and validate; by default ``split(data, 0)``, the same as
            ``obfnet.audit`` takes, whatever the seed.
        encoder: name of a registered encoder, or what makes an untrained one with an output for
            each class.
        schedule: how long to train; by default ``usual_schedule``.
        seed: root of the seed tree; every ObfNet has its own branch.

    Raises:
        SpecError: a count below 1, another mechanism, or too few validation samples to check
            an export with.
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
    if not isinstance(infnet, InfNet):
        raise SpecError(f"expected an InfNet from obfnet.freeze, got {type(infnet).__name__}")
    splits = split(data, 0) if splits is None else splits
    codebook = Codebook(len(data.classes))
    make: Callable[[], nn.Module]
    if isinstance(encoder, str):
        make = partial(find("encoders", encoder), data.spec.shape, codebook.codes)
    else:
        make = encoder
    schedule = schedule or usual_schedule(len(splits.train))
    probes = spread_over(data, splits)
    return [
        ObfNetSet(
            f"device-{device}",
            tuple(
                forge_codebook(
                    make,
                    infnet,
                    data,
                    splits,
                    schedule,
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


def usual_schedule(samples: int) -> Schedule:
    """A schedule long enough for a small encoder on this many training samples."""
    batch = 128 if samples >= 10_000 else 64
    epochs = round(STEPS * batch / max(1, samples))
    return Schedule(min(max(epochs, EPOCHS[0]), EPOCHS[1]), batch, rate=3e-3)


def spread_over(data: Dataset, splits: Splits) -> Samples:
    """``PROBES`` validation samples, evenly spread so that no class or source is left out.

    Raises:
        SpecError: there are fewer than 17, too few to compare an export on.
    """
    count = min(PROBES, len(splits.validation))
    if count < 17:
        raise SpecError(f"expected at least 17 validation samples, got {count}")
    chosen = np.linspace(0, len(splits.validation) - 1, count).round().astype(np.int64)
    return data.samples[splits.validation[chosen]]
