"""The nets whose times are taken: the paper's three case studies, untrained.

Time does not depend on what the weights are: a dense layer multiplies by all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from obfnet.bundling.archive import Bundle
from obfnet.bundling.gate import Gate
from obfnet.bundling.pack import bundle
from obfnet.data.dataset import Dataset
from obfnet.forging.loop import Fit, build
from obfnet.forging.obfnet import ObfNet, Table
from obfnet.forging.plan import usual_budget
from obfnet.forging.recipe import Recipe
from obfnet.forging.sets import PROBES, ObfNetSet
from obfnet.mechanisms.codebook import Codebook
from obfnet.mechanisms.none import NoMechanism
from obfnet.nets.families import propose
from obfnet.nets.frozen import TorchInfNet, freeze
from obfnet.registry import find
from obfnet.seeds import branch
from obfnet.specs import Samples, SampleSpec

#: Least, mean and greatest milliseconds of one sample, as the paper's tables give them.
Times = tuple[float, float, float]


@dataclass(frozen=True)
class CaseStudy:
    """One of the paper's, with what it measured.

    Args:
        data: name of its dataset.
        spec: of a sample.
        kind: of a sample, for the proposed encoder.
        classes: how many.
        width: of the timed O_M; where the paper does not tell, the smallest of its range.
        obfnet_on_coral: Table I, in milliseconds. It prints 2.312 as the mean of FSD and 2.253 as
            the greatest: taken to be swapped.
        infnet_on_jetson: Table II.
        infnet_on_coral: Table III.
        kilobytes: of one sample as the paper sent it.
    """

    data: str
    spec: SampleSpec
    kind: Any
    classes: int
    width: int
    obfnet_on_coral: Times
    infnet_on_jetson: Times
    infnet_on_coral: Times
    kilobytes: float


CASES = (
    CaseStudy(
        "fsd", SampleSpec((1, 20, 45), -1.0, 1.0), "mfcc", 10, 200,
        (2.226, 2.253, 2.312), (0.229, 0.246, 0.289), (13.484, 14.318, 15.137), 10,
    ),
    CaseStudy(
        "mnist", SampleSpec((1, 28, 28), 0.0, 1.0), "image", 10, 64,
        (0.221, 0.221, 0.224), (0.158, 0.174, 0.212), (7.606, 8.351, 9.095), 0.6,
    ),
    CaseStudy(
        "asl", SampleSpec((3, 64, 64), 0.0, 1.0), "image", 29, 256,
        (11.136, 11.146, 11.170), (0.201, 0.219, 0.249), (100.433, 100.467, 100.510), 13,
    ),
)  # fmt: skip


def samples_of(case: CaseStudy, count: int, seed: int) -> Samples:
    """Random samples ``(count, *shape)`` in the case's range."""
    draw = np.random.default_rng(branch(seed, "timed", case.data))
    spec = case.spec
    values: Samples = draw.uniform(spec.low, spec.high, (count, *spec.shape)).astype(np.float32)
    return values


def infnet_of(case: CaseStudy, seed: int) -> TorchInfNet:
    """The case's I_C, untrained."""
    factory = partial(find("infnets", f"{case.data}-ic"), case.spec.shape, case.classes)
    return freeze(build(factory, branch(seed, "timed infnet", case.data)))


def obfnets_of(case: CaseStudy, seed: int) -> dict[str, ObfNet]:
    """The paper's O_M and O_C, and a codebook of the usual budget, by name."""
    spec, drawn = case.spec, branch(seed, "timed obfnet", case.data)
    proposed = propose(spec.shape, case.classes, usual_budget(_empty(case)), case.kind)
    rows = torch.from_numpy(samples_of(case, case.classes, seed)).unsqueeze(1)
    encoder, table = build(proposed.factory, drawn), Table(rows)
    return {
        f"O_M-{case.width}": _published(case, "om", drawn, width=case.width),
        "O_C": _published(case, "oc", drawn),
        "codebook": ObfNet(encoder, Codebook(case.classes), table, spec, drawn, 0.0, _NO_FIT),
    }


def _published(case: CaseStudy, kind: str, seed: int, **arguments: int) -> ObfNet:
    given = {"shape": list(case.spec.shape), **arguments}
    encoder, decoder = (
        build(Recipe("obfnets", f"{case.data}-{kind}", given, half), seed)
        for half in ("encoder", "decoder")
    )
    return ObfNet(encoder, NoMechanism(), decoder, case.spec, seed, 0.0, _NO_FIT)


def bundle_of(case: CaseStudy, obfnet: ObfNet, infnet: TorchInfNet, precision: str) -> Bundle:
    """The bundle a device would get. Untrained nets have no accuracy to lose in int8.

    Raises:
        ExportError: this net cannot be had in this precision.
    """
    probes = samples_of(case, PROBES, 1)
    labels = np.zeros(len(probes), np.int64)
    gate = Gate(infnet, probes, labels, probes, tolerance=1.0)
    alone = ObfNetSet("timed", (obfnet,), infnet.digest, probes)
    return bundle(alone, precision=precision, gate=None if precision == "float32" else gate)


_NO_FIT = Fit(0.0, 0.0, 0.0, (0.0,))


def _empty(case: CaseStudy) -> Dataset:
    nothing = np.zeros((0, *case.spec.shape), np.float32)
    names = tuple(map(str, range(case.classes)))
    return Dataset(case.data, nothing, np.zeros(0, np.int64), case.spec, names, kind=case.kind)
