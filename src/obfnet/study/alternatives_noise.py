"""Additive noise under local differential privacy, to an InfNet as it is and to a retrained one.

What eps means here, and it is not the same for both kinds: *laplace* is eps-LDP for one value of a
sample, whose sensitivity is the width of its range; a whole sample of d values has d times the eps
(basic composition). *gaussian* is (eps, delta)-LDP for the whole sample, whose L2 sensitivity is
the width times the square root of d: any two samples. (Dwork et al., TCC 2006; Balle and Wang, ICML
2018.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from obfnet.auditing.subject import Subject, Transform
from obfnet.errors import SpecError
from obfnet.seeds import branch
from obfnet.specs import SampleSpec
from obfnet.study.alternatives_offer import Bench, Maker, Offer
from obfnet.study.alternatives_retrained import copied, retrained
from obfnet.study.transforms import gaussian_noise, laplace_noise

DELTA = 1e-5
RETRAINED = "a model retrained on noisy samples"


@dataclass(frozen=True)
class Noise:
    """One kind and strength of noise.

    Args:
        kind: ``laplace`` (eps for one value) or ``gaussian`` (eps for the whole sample).
        epsilon: the privacy parameter.
    """

    kind: str
    epsilon: float

    @property
    def name(self) -> str:
        """For tables."""
        whole = "a sample" if self.kind == "gaussian" else "a value"
        return f"{self.kind} noise, eps {self.epsilon:g} for {whole}"

    def scale(self, spec: SampleSpec) -> float:
        """Laplace's scale, or the Gaussian's standard deviation, in units of a sample."""
        width = spec.high - spec.low
        if self.kind == "laplace":
            return width / self.epsilon
        return gaussian_sigma(self.epsilon, DELTA, width * math.sqrt(spec.size))

    def transform(self, spec: SampleSpec, seed: int) -> Transform:
        """The noise, drawn afresh for each sample."""
        make = laplace_noise if self.kind == "laplace" else gaussian_noise
        return make(self.scale(spec), seed)

    def args(self, spec: SampleSpec) -> dict[str, Any]:
        """What a row says of it, with the eps of a whole sample beside that of a value."""
        whole = self.epsilon * (spec.size if self.kind == "laplace" else 1)
        delta = 0.0 if self.kind == "laplace" else DELTA
        return {"epsilon_sample": whole, "delta": delta, "scale": self.scale(spec)}


NOISES = (
    Noise("laplace", 16),
    Noise("laplace", 4),
    Noise("laplace", 1),
    Noise("gaussian", 1000),
    Noise("gaussian", 100),
)


def gaussian_sigma(epsilon: float, delta: float, sensitivity: float) -> float:
    """The least sigma whose Gaussian noise is (epsilon, delta)-DP (Balle and Wang 2018, theorem 8).

    The classical formula holds only for eps below 1; this one is exact for all.

    Raises:
        SpecError: epsilon or sensitivity is not above 0, or delta not in (0, 1).
    """
    if epsilon <= 0 or sensitivity <= 0 or not 0 < delta < 1:
        raise SpecError(
            f"expected epsilon > 0, 0 < delta < 1 and sensitivity > 0, got {epsilon}, {delta}, "
            f"{sensitivity}"
        )
    low, high = 1e-6, 1e6  # of sigma over sensitivity; delta falls with it
    for _ in range(200):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if _delta(epsilon, middle) > delta else (low, middle)
    return high * sensitivity


def _delta(epsilon: float, sigma: float) -> float:
    """The delta of Gaussian noise of ``sigma`` for sensitivity 1."""
    one, other = 1 / (2 * sigma) - epsilon * sigma, -1 / (2 * sigma) - epsilon * sigma
    # The second term's factor overflows where its probability is 0: add logarithms.
    return _normal(one) - math.exp(min(epsilon + _log_normal(other), 0.0))


def _normal(value: float) -> float:
    return 0.5 * math.erfc(-value / math.sqrt(2))


def _log_normal(value: float) -> float:
    """Logarithm of the normal distribution function, also where that is 0 in floating point."""
    if value > -30:
        return math.log(_normal(value))
    return -value * value / 2 - math.log(-value * math.sqrt(2 * math.pi)) - 1 / value**2


def noises() -> dict[str, Maker]:
    """Each noise to the InfNet as it is, then to one that was retrained on it."""
    plain = {noise.name: partial(_plain, noise) for noise in NOISES}
    adapted = {f"{noise.name}, retrained": partial(_retrained, noise) for noise in NOISES}
    return {name: made[name] for pair in zip(plain, adapted, strict=True)
            for made, name in zip((plain, adapted), pair, strict=True)}  # fmt: skip


def _plain(noise: Noise, bench: Bench) -> Offer:
    spec = bench.place.data.spec
    transform = noise.transform(spec, branch(bench.place.seed, noise.name))
    return Offer(Subject(noise.name, transform), bench.infnet, args=noise.args(spec))


def _retrained(noise: Noise, bench: Bench) -> Offer:
    offer = _plain(noise, bench)
    name = f"{noise.name}, retrained"
    training = noise.transform(bench.place.data.spec, branch(bench.place.seed, "training", name))
    net = retrained(bench, name, training, copied(bench.infnet.module))
    return replace(offer, subject=replace(offer.subject, name=name), infnet=net, change=RETRAINED)
