"""``obfnet bench forge``: codebook forging against the paper's procedure, in one run."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from obfnet.errors import ForgeError
from obfnet.forging.codebook import forge_codebook
from obfnet.forging.loop import Schedule
from obfnet.forging.obfnet import ObfNet
from obfnet.forging.through import forge_through
from obfnet.mechanisms.codebook import Codebook
from obfnet.nets import mnist
from obfnet.nets.frozen import InfNet
from obfnet.nets.separable import SeparableEncoder
from obfnet.progress import say
from obfnet.seeds import branch
from obfnet.study import results
from obfnet.study.making import Workplace, make_infnet, open_workplace

#: The paper's procedure in eager PyTorch defaults: Adam at a constant rate, float32.
PAPER = Schedule(epochs=2, decay=False)
#: Long enough to pass any accuracy that the paper's procedure reaches; stopped when it does.
OURS = Schedule(epochs=12, rate=4e-3, checks=8)
ROUNDS = 2


def bench_forge(folder: Path, seed: int, command: str) -> Path:
    """Time both ways of forging one ObfNet for MNIST's I_C, to equal validation accuracy.

    Each round forges a published O_M-64 through the InfNet for ``PAPER.epochs`` epochs and
    counts the seconds until its best one; then a codebook ObfNet until its validation accuracy
    is at least that best one, its rows included. Test accuracies of both are reported.

    Returns:
        The path of ``results.json``; the ratio is the median over rounds, its interval the
        least and the greatest.
    """
    started = time.perf_counter()
    place = open_workplace("mnist", seed)
    infnet = make_infnet(place)
    rounds = [_round(place, infnet, branch(seed, "bench", number)) for number in range(ROUNDS)]
    ratios = [each.paper_seconds / each.our_seconds for each in rounds]
    row = {
        "bench": "forge",
        "dataset": "mnist",
        "infnet": "I_C",
        "subject": "one codebook ObfNet, InfNet out of the loop, to equal validation accuracy",
        "baseline": f"one O_M-64, paper's procedure, best of {PAPER.epochs} epochs",
        "ratio": float(np.median(ratios)),
        "ratio_ci": [min(ratios), max(ratios)],
        "unit": "s",
        "value": float(np.median([each.our_seconds for each in rounds])),
        "baseline_value": float(np.median([each.paper_seconds for each in rounds])),
        "accuracy": float(np.median([each.our_accuracy for each in rounds])),
        "baseline_accuracy": float(np.median([each.paper_accuracy for each in rounds])),
        "seeds": [seed],
    }
    return results.write(folder, command, [row], time.perf_counter() - started)


@dataclass(frozen=True)
class _Round:
    paper_seconds: float
    our_seconds: float
    paper_accuracy: float  # on test data, as is the next
    our_accuracy: float


def _round(place: Workplace, infnet: InfNet, seed: int) -> _Round:
    shape, mechanism = place.data.spec.shape, Codebook(len(place.data.classes))
    held = place.data.take(place.splits.test)

    def accuracy(obfnet: ObfNet) -> float:
        return float((infnet.predict(obfnet(held.samples)) == held.labels).mean())

    say("  the paper's procedure")
    paper = forge_through(
        partial(mnist.mlp_obfnet, shape, 64), infnet, place.data, place.splits, PAPER, seed
    )
    target = paper.validation_accuracy
    say(f"  validation accuracy {target:.2%} in {paper.fit.seconds:.0f} s; now a codebook")
    ours = forge_codebook(
        partial(SeparableEncoder, shape, mechanism.codes),
        infnet,
        place.data,
        place.splits,
        replace(OURS, target=target),
        seed,
        mechanism,
    )
    if ours.validation_accuracy < target:
        raise ForgeError(
            f"the codebook reached {ours.validation_accuracy:.2%}, expected {target:.2%}: "
            "times to unequal accuracy are not compared"
        )
    say(f"  validation accuracy {ours.validation_accuracy:.2%} in {ours.seconds:.0f} s")
    return _Round(paper.fit.seconds, ours.seconds, accuracy(paper), accuracy(ours))
