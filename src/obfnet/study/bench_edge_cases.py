"""The cases of ``obfnet bench edge``: a codebook ObfNet and the published O_M of its samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from obfnet.bundling.pack import bundle
from obfnet.data.dataset import Dataset
from obfnet.edge.obfuscator import Obfuscator, obfuscators
from obfnet.forging.fleet import forge
from obfnet.forging.loop import Fit, build
from obfnet.forging.obfnet import ObfNet, Table
from obfnet.forging.sets import ObfNetSet
from obfnet.mechanisms.codebook import Codebook
from obfnet.nets import asl, fsd, mnist
from obfnet.nets.bottleneck import Bottleneck
from obfnet.nets.families import propose
from obfnet.nets.frozen import TorchInfNet
from obfnet.nets.strided import StridedEncoder
from obfnet.seeds import branch
from obfnet.specs import Labels, Samples, SampleSpec
from obfnet.study.forge_seeds import BUDGET, SCHEDULES
from obfnet.study.making import Workplace, make_infnet, open_workplace

#: ObfNets in a set, as the issue asks of a bundle.
SIZE = 8
#: Samples that exports are compared and calibrated on where there is no data.
PROBES = 64
#: Training samples likewise where there is.
CALIBRATED = 256


def _proposed(shape: tuple[int, ...], codes: int, kind: str) -> Callable[[], nn.Module]:
    return propose(shape, codes, BUDGET, kind).factory


def _strided(shape: tuple[int, ...], codes: int, kind: str) -> Callable[[], nn.Module]:
    """A large picture is averaged over 2x2 cells first, as a proposed encoder of it is."""
    shrink = 2 if kind != "mfcc" and min(shape[1:]) >= LARGE else 1
    return partial(StridedEncoder, shape, codes, shrink=shrink)


#: From a picture's shape, the number of codes and its kind to an untrained encoder.
ENCODERS = {"codebook": _proposed, "codebook strided": _strided}
#: Side of a picture that is averaged first.
LARGE = 48


@dataclass(frozen=True)
class Peer:
    """A published ObfNet.

    Args:
        label: as tables call it.
        make: its halves.
    """

    label: str
    make: Callable[[], Bottleneck]

    def module(self, seed: int) -> nn.Module:
        """The whole net, untrained: how long it takes does not depend on its weights."""
        return build(lambda: nn.Sequential(*self.make()), seed).eval()


PEERS: Mapping[str, tuple[Peer, ...]] = {
    "mnist": (
        Peer("O_M-64", partial(mnist.mlp_obfnet, width=64)),
        Peer("O_M-512", partial(mnist.mlp_obfnet, width=512)),
    ),
    "fsd": (Peer("O_M-200", fsd.mlp_obfnet),),
    "asl": (
        Peer("O_M-512", partial(asl.mlp_obfnet, width=512)),
        Peer("O_M-1024", partial(asl.mlp_obfnet, width=1024)),
    ),
}
#: Milliseconds of O_M on the papers' Coral board, least and greatest of what they print.
CORAL: Mapping[str, tuple[float, float]] = {
    "mnist": (0.221, 0.221),
    "fsd": (2.2, 2.3),
    "asl": (11.15, 11.15),
}


@dataclass(frozen=True, eq=False)
class Trained:
    """What a case with data has besides its nets: for accuracy, audit and a backend."""

    place: Workplace
    infnet: TorchInfNet
    fleet: ObfNetSet


@dataclass(frozen=True, eq=False)
class Case:
    """One kind of sample.

    Args:
        name: of the dataset, or of the samples' shape where nothing was trained.
        label: of our ObfNet, by its encoder.
        obfnet: our ObfNet whose time is taken.
        obfuscator: the same as a device runs it, float32.
        probes: samples ``(n, *shape)`` that exports are compared on; the first is the timed one.
        trained: None where the weights are random.
    """

    name: str
    label: str
    obfnet: ObfNet
    obfuscator: Obfuscator
    probes: Samples
    trained: Trained | None = None


def trained_case(name: str, label: str, folder: Path, seed: int) -> Case:
    """Forge ``SIZE`` ObfNets for the kept InfNet of a dataset; goes on in ``folder``.

    Args:
        name: of the dataset.
        label: of ``ENCODERS``.
        folder: of the bench.
        seed: root of the seed tree.
    """
    place = open_workplace(name, seed)
    infnet = make_infnet(place)
    (fleet,) = forge(
        infnet,
        place.data,
        size=SIZE,
        encoder=ENCODERS[label](place.data.spec.shape, len(place.data.classes), place.data.kind),
        splits=place.splits,
        schedule=SCHEDULES[name],
        twins=False,
        seed=seed,
        folder=folder / f"fleet-{name}-{label}",
    )
    probes = _some(place.data, place.splits.train)
    return _case(name, label, fleet, probes, Trained(place, infnet, fleet))


def shaped_case(name: str, label: str, shape: tuple[int, ...], codes: int, seed: int) -> Case:
    """Untrained nets of the right shapes, for times alone."""
    spec = SampleSpec(shape, 0.0, 1.0)
    generator = np.random.default_rng(branch(seed, name))
    probes = generator.random((PROBES, *shape), dtype=np.float32)
    rows = generator.random((codes, 1, *shape), dtype=np.float32)
    encoder = build(ENCODERS[label](shape, codes, "image"), seed).eval()
    nothing = Fit(score=0.0, epoch=0, seconds=0.0, history=())
    table = Table(torch.from_numpy(rows))
    obfnet = ObfNet(encoder, Codebook(codes), table, spec, seed, 0.0, nothing)
    return _case(name, label, ObfNetSet("device-0", (obfnet,), "", probes), probes)


def _case(
    name: str, label: str, fleet: ObfNetSet, probes: Samples, trained: Trained | None = None
) -> Case:
    first = ObfNetSet(fleet.device, fleet.obfnets[:1], fleet.infnet, fleet.probes)
    return Case(name, label, first.obfnets[0], obfuscators(bundle(first))[0], probes, trained)


def _some(data: Dataset, indices: Labels) -> Samples:
    chosen: Samples = data.samples[indices[:: max(1, len(indices) // CALIBRATED)][:CALIBRATED]]
    return chosen
