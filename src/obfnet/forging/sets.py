"""One device's set of distinct ObfNets."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import numpy as np

from obfnet.data.dataset import Dataset
from obfnet.data.splits import Splits, spread
from obfnet.errors import SpecError
from obfnet.forging.distinct import Distinctness
from obfnet.forging.obfnet import ObfNet
from obfnet.forging.twin import Twin
from obfnet.specs import Samples

#: Real samples that exports are compared on, at batch 1, 3 and 17.
PROBES = 32


@dataclass(frozen=True, eq=False)
class ObfNetSet:
    """One device's ObfNets; as a callable it draws one of them for each sample.

    Args:
        device: the device's id.
        obfnets: distinct, all for the same InfNet.
        infnet: the InfNet's digest.
        probes: a few real validation samples ``(n, *shape)`` that exports are compared on.
        twin: the classifier that the same device could run alone, or None if none was trained.
        distinctness: of all ObfNets of the fleet the set belongs to, or None if it is the only
            one.
    """

    device: str
    obfnets: tuple[ObfNet, ...]
    infnet: str
    probes: Samples
    twin: Twin | None = None
    distinctness: Distinctness | None = None

    def __call__(self, samples: Samples) -> Samples:
        """x' ``(n, *shape)``, each sample through an ObfNet drawn from the system's generator."""
        released = np.empty_like(samples)
        drawn = np.array([secrets.randbelow(len(self.obfnets)) for _ in samples], dtype=np.int64)
        for position, obfnet in enumerate(self.obfnets):
            chosen = drawn == position
            released[chosen] = obfnet(samples[chosen])
        return released


def spread_over(data: Dataset, splits: Splits, most: int = PROBES) -> Samples:
    """Up to ``most`` validation samples, evenly spread so that no class or source is left out.

    Raises:
        SpecError: there are fewer than 17, too few to compare an export on.
    """
    count = min(most, len(splits.validation))
    if count < 17:
        raise SpecError(f"expected at least 17 validation samples, got {count}")
    return data.samples[spread(splits.validation, most)]
