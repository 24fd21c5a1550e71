"""``obfnet bench forge``: codebook forging against the paper's procedure, in one run."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from obfnet.errors import ForgeError
from obfnet.forging.codebook import forge_codebook
from obfnet.forging.loop import Schedule
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
PAPER = Schedule(epochs=3, decay=False)
#: Long enough to pass any accuracy that the paper's procedure reaches; stopped when it does.
OURS = Schedule(epochs=12, rate=4e-3)
ROUNDS = 3


def bench_forge(folder: Path, seed: int, command: str) -> Path:
    """Time both ways of forging one ObfNet for MNIST's I_C, to equal validation accuracy.

    Each round forges a published O_M-64 through the InfNet for ``PAPER.epochs`` epochs, then
    a codebook ObfNet until its validation accuracy is at least the best that O_M reached.

    Returns:
        The path of ``results.json``; the ratio is the median over rounds, its interval the
        least and the greatest.
    """
    started = time.perf_counter()
    place = open_workplace("mnist", seed)
    infnet = make_infnet(place)
    rounds = [_round(place, infnet, branch(seed, "bench", number)) for number in range(ROUNDS)]
    ratios = [paper / ours for paper, ours, _ in rounds]
    row = {
        "bench": "forge",
        "dataset": "mnist",
        "infnet": "I_C",
        "subject": "one codebook ObfNet, InfNet out of the loop, to equal validation accuracy",
        "baseline": f"one O_M-64, paper's procedure, {PAPER.epochs} epochs",
        "ratio": float(np.median(ratios)),
        "ratio_ci": [min(ratios), max(ratios)],
        "unit": "s",
        "value": float(np.median([ours for _, ours, _ in rounds])),
        "baseline_value": float(np.median([paper for paper, _, _ in rounds])),
        "accuracy": float(np.median([accuracy for _, _, accuracy in rounds])),
        "seeds": [seed],
    }
    return results.write(folder, command, [row], time.perf_counter() - started)


def _round(place: Workplace, infnet: InfNet, seed: int) -> tuple[float, float, float]:
    """Seconds of the paper's procedure, seconds of ours, and the accuracy both reached."""
    shape, mechanism = place.data.spec.shape, Codebook(len(place.data.classes))
    say("  the paper's procedure")
    published = forge_through(
        lambda: mnist.mlp_obfnet(shape, 64), infnet, place.data, place.splits, PAPER, seed
    )
    accuracy = published.validation_accuracy
    say(f"  validation accuracy {accuracy:.2%} in {published.seconds:.0f} s; now a codebook")
    codebook = forge_codebook(
        lambda: SeparableEncoder(shape, mechanism.codes),
        infnet,
        place.data,
        place.splits,
        replace(OURS, target=accuracy),
        seed,
        mechanism,
    )
    if codebook.validation_accuracy < accuracy:
        raise ForgeError(
            f"the codebook reached {codebook.validation_accuracy:.2%}, expected {accuracy:.2%}: "
            "times to unequal accuracy are not compared"
        )
    say(f"  validation accuracy {codebook.validation_accuracy:.2%} in {codebook.seconds:.0f} s")
    return published.seconds, codebook.seconds, accuracy
