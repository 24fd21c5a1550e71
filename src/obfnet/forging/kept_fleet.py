"""A forge's folder as a fleet again, without the call that made it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from obfnet.errors import ForgeError, ObfNetError, SpecError
from obfnet.forging import keeping
from obfnet.forging.codebook import INDEXED
from obfnet.forging.obfnet import ObfNet
from obfnet.forging.recipe import Recipe
from obfnet.forging.report import Report, read_report
from obfnet.forging.sets import ObfNetSet
from obfnet.mechanisms.mechanism import Mechanism, make
from obfnet.specs import Samples, SampleSpec

Place = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Kept:
    """What a forge's folder holds.

    Args:
        spec: of the forging, as ``forge.json`` has it.
        mechanism: of every ObfNet.
        obfnets: those that are finished, by (device, member).
        report: of the whole fleet; None until it was finished once.
    """

    spec: Mapping[str, Any]
    mechanism: Mechanism
    obfnets: Mapping[Place, ObfNet]
    report: Report | None

    @property
    def places(self) -> list[Place]:
        """Every ObfNet that was asked for."""
        devices, size = int(self.spec["devices"]), int(self.spec["size"])
        return [(device, member) for device in range(devices) for member in range(size)]


def load_kept(folder: Path) -> Kept:
    """What ``folder`` holds, finished or not.

    Raises:
        SpecError: it is no folder of a forge, or was forged with a net that was not written
            down: a user's own factory is code.
        ForgeError: a file in it is damaged.
    """
    spec = keeping.read_spec(folder)
    try:
        mechanism = make(spec["mechanism"], spec["mechanism_args"])
        sample = spec["sample"]
        looks = SampleSpec(tuple(sample["shape"]), sample["low"], sample["high"])
        encoder = _recipe(folder, spec, "encoder")
        decoder = None if isinstance(mechanism, INDEXED) else _recipe(folder, spec, "decoder")
        places = Kept(spec, mechanism, {}, None).places
    except ObfNetError:
        raise
    except Exception as error:  # JSON of any form may stand here
        raise SpecError(f"{folder / 'forge.json'} is no spec of a forge: {error!r}") from error
    paths = {place: keeping.path_of(folder, *place) for place in places}
    obfnets = {
        place: keeping.load(path, encoder, decoder, mechanism, looks)
        for place, path in paths.items()
        if path.exists()
    }
    return Kept(spec, mechanism, obfnets, read_report(folder))


def load_fleet(folder: Path, probes: Samples | None = None) -> list[ObfNetSet]:
    """The fleet that ``obfnet.forge(..., folder=folder)`` gave, but for its twins' nets.

    Args:
        folder: of a finished forging.
        probes: real validation samples, at least 17, which ``obfnet.bundle`` compares exports
            on; without them the sets can be called and audited.

    Raises:
        SpecError: it is no folder of a forge, or holds nets that were not written down.
        ForgeError: a file in it is damaged, or ObfNets are missing.
    """
    kept = load_kept(folder)
    missing = [place for place in kept.places if place not in kept.obfnets]
    if missing:
        raise ForgeError(
            f"{folder} holds {len(kept.obfnets)} of {len(kept.places)} ObfNets: run the same "
            "forging again, it goes on from there"
        )
    shape = kept.obfnets[0, 0].spec.shape
    some = np.zeros((0, *shape), np.float32) if probes is None else probes
    members = range(int(kept.spec["size"]))
    return [
        ObfNetSet(
            f"device-{device}",
            tuple(kept.obfnets[device, member] for member in members),
            kept.spec["infnet"],
            some,
            None,
            None if kept.report is None else kept.report.distinctness,
        )
        for device in range(int(kept.spec["devices"]))
    ]


def _recipe(folder: Path, spec: Mapping[str, Any], half: str) -> Recipe:
    if spec[half] is None:
        raise SpecError(
            f"{folder} was forged with a {half} of a user's own making, which is code and was not "
            f"written down: call obfnet.forge again with the same {half} and this folder"
        )
    return Recipe(**spec[half])
