"""How long obfuscating takes on this device, without any backend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, median
from time import perf_counter
from typing import Any

import numpy as np

from obfnet.bundling.archive import Bundle, bytes_of
from obfnet.bundling.trust import Trust
from obfnet.edge.device_set import DeviceSet
from obfnet.edge.outgoing import outgoing
from obfnet.edge.picker import Picker, random
from obfnet.edge.policy import always
from obfnet.edge.runtime import chosen
from obfnet.edge.sample_files import read, scaled
from obfnet.errors import SpecError
from obfnet.specs import Samples, SampleSpec

#: The first samples meet cold caches and are not counted.
WARM_UP = 20


@dataclass(frozen=True)
class Timing:
    """One bundle on one device.

    Args:
        runtime: what ran the nets.
        obfnets: in the bundle.
        bytes: of the bundle's file.
        load_ms: from its bytes to ObfNets that can run: verifying and loading.
        samples: how many were obfuscated, one by one.
        median_us: microseconds from a sample to x', picking included.
        least_us: of the fastest.
        mean_us: of all.
        greatest_us: of the slowest.
    """

    runtime: str
    obfnets: int
    bytes: int
    load_ms: float
    samples: int
    median_us: float
    least_us: float
    mean_us: float
    greatest_us: float

    def plain(self) -> Mapping[str, Any]:
        """Ready for JSON."""
        return asdict(self)


def time_obfuscation(
    bundle: Bundle | bytes | str | Path,
    trust: Trust | None,
    count: int = 1_000,
    runtime: str | None = None,
    picker: Picker = random,
    file: Path | None = None,
) -> Timing:
    """Load a bundle and obfuscate ``count`` samples, one by one, as a client does.

    Args:
        bundle: a ``Bundle``, its bytes or its path.
        trust: see ``EdgeClient``.
        count: samples, at least 1.
        runtime: of ``runtime.RUNTIMES``; by default the first installed.
        picker: chooses the ObfNet of each.
        file: of samples to take in turns; by default uniform noise, as the time of an ObfNet
            does not depend on what it sees.

    Raises:
        SpecError: ``count`` is below 1.
        DeviceError: the bundle is rejected, or a sample is.
    """
    if count < 1:
        raise SpecError(f"count is {count}, expected at least 1")
    content = bundle if isinstance(bundle, Bundle) else bytes_of(bundle)
    begun = perf_counter()
    device = DeviceSet(content, trust, runtime=runtime)
    load_ms = 1e3 * (perf_counter() - begun)
    loaded = device.current()
    spec = loaded.spec
    samples = _noise(spec) if file is None else read(file, spec)
    taken = []
    for index in range(WARM_UP + count):
        sample = samples[index % len(samples)][None]
        begun = perf_counter()
        outgoing(spec.check(sample), loaded.obfuscators, always, picker)
        taken.append(1e6 * (perf_counter() - begun))
    counted = taken[WARM_UP:]
    return Timing(
        chosen(runtime, loaded.obfuscators[0].entry.encoder),
        len(loaded.obfuscators),
        len(loaded.bundle.content),
        load_ms,
        count,
        median(counted),
        min(counted),
        fmean(counted),
        max(counted),
    )


def _noise(spec: SampleSpec) -> Samples:
    """A few uniform samples."""
    return scaled(np.random.default_rng(0).random((64, *spec.shape)), spec)
