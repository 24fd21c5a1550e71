"""``obfnet bench forge``: ways of forging for MNIST's I_C, in turns, to equal accuracy."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from obfnet.errors import ForgeError
from obfnet.progress import say
from obfnet.seeds import branch
from obfnet.study.forge_timing import PAPER_EPOCHS, Timed
from obfnet.study.making import make_infnet, open_workplace
from obfnet.study.sheet import publish

TITLE = "Ways of forging for MNIST's I_C"
NOTE = (
    "Each way runs in a process of its own, all in turns; seconds per ObfNet until the "
    "validation accuracy of the paper's procedure in the same round is reached. Times on a "
    "shared machine: trust ratios."
)
ROUNDS = 2
#: ObfNets by one call, and how many of them are enough for a time one after another.
MANY, FEW = 32, 2
#: O_M-64 nets that train side by side.
STACKED = 2
#: Numbers of devices over which the growth of the cost is measured.
GROWTH = (1, 10, 100)
#: What growth is measured to.
GROWTH_TARGET = 0.97


@dataclass(frozen=True)
class Comparison:
    """A row of the bench.

    Args:
        subject: way that is measured, a key of ``forge_timing.WAYS``.
        baseline: way it is compared with.
        subject_label: in plain words.
        baseline_label: in plain words.
    """

    subject: str
    baseline: str
    subject_label: str
    baseline_label: str


_PAPER = f"one O_M-64, paper's procedure in eager PyTorch defaults, best of {PAPER_EPOCHS} epochs"
COMPARISONS = (
    Comparison("separable", "paper", f"codebook, 9,210 parameters, {MANY} by one call", _PAPER),
    Comparison("mlp", "paper", f"codebook, MLP 784-128-10, {MANY} by one call", _PAPER),
    Comparison(
        "separable", "separable-one-by-one",
        f"codebook, 9,210 parameters, {MANY} by one call", "the same, one after another",
    ),
    Comparison(
        "mlp", "mlp-one-by-one",
        f"codebook, MLP 784-128-10, {MANY} by one call", "the same, one after another",
    ),
    Comparison("fast-paper", "paper", f"O_M-64, {STACKED} side by side, made fast", _PAPER),
)  # fmt: skip
COUNTS = {
    "paper": 1, "fast-paper": STACKED, "separable": MANY, "mlp": MANY,
    "separable-one-by-one": FEW, "mlp-one-by-one": FEW,
}  # fmt: skip


def bench_forge(folder: Path, seed: int, command: str) -> Path:
    """Time each way in a process of its own, all ways in each round.

    A round's target is the best validation accuracy of the paper's procedure in it; every other
    way stops at the first check that reaches it. Rows give seconds per ObfNet, test accuracies
    of both, and the ratio: median over rounds, with the least and the greatest.
    """
    started = time.perf_counter()
    make_infnet(open_workplace("mnist", 0))  # trained once, kept for all
    growth, rounds = _growth("mlp", seed), []
    for number in range(ROUNDS):
        rounds.append(_round(branch(seed, "bench", number) % 2**31))
        rows = [_row(each, rounds, seed) for each in COMPARISONS] + growth
        # A bench that is stopped leaves its finished rounds.
        path = publish(folder, command, rows, time.perf_counter() - started, TITLE, NOTE)
    return path


def _round(seed: int) -> dict[str, Timed]:
    found = {"paper": _time("paper", seed, 1, 1.0)}
    target = found["paper"].validation
    for way, count in COUNTS.items():
        if way != "paper":
            found[way] = _time(way, seed, count, target)
            if found[way].validation < target:
                raise ForgeError(
                    f"{way} reached {found[way].validation:.2%}, expected {target:.2%}: times to "
                    "unequal accuracy are not compared"
                )
    return found


def _time(way: str, seed: int, count: int, target: float) -> Timed:
    command = [sys.executable, "-m", "obfnet.study.forge_timing", way, str(seed), str(count)]
    done = subprocess.run(
        [*command, repr(target)],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise ForgeError(f"timing {way} failed: {done.stderr.strip().splitlines()[-1:]}")
    timed = Timed(**json.loads(done.stdout.splitlines()[-1]))
    say(f"  {way}: {timed.seconds:.2f} s for each of {timed.obfnets}, {timed.validation:.2%}")
    return timed


def _row(each: Comparison, rounds: Sequence[dict[str, Timed]], seed: int) -> dict[str, Any]:
    subject = [found[each.subject] for found in rounds]
    baseline = [found[each.baseline] for found in rounds]
    ratios = [b.seconds / s.seconds for s, b in zip(subject, baseline, strict=True)]
    return {
        "bench": "forge",
        "dataset": "mnist",
        "infnet": "I_C",
        "subject": each.subject_label,
        "baseline": each.baseline_label,
        "ratio": float(np.median(ratios)),
        "ratio_ci": [min(ratios), max(ratios)],
        "unit": "s per ObfNet, to equal validation accuracy",
        "value": float(np.median([s.seconds for s in subject])),
        "baseline_value": float(np.median([b.seconds for b in baseline])),
        "accuracy": float(np.median([s.accuracy for s in subject])),
        "baseline_accuracy": float(np.median([b.accuracy for b in baseline])),
        "rounds": len(rounds),
        "seeds": [seed],
    }


def _growth(encoder: str, seed: int) -> list[dict[str, Any]]:
    """Cost per device of one call for 1, 10 and 100 devices, against one call for each."""
    timed = {count: _time(encoder, seed, count, GROWTH_TARGET) for count in GROWTH}
    return [
        {
            "bench": "forge",
            "dataset": "mnist",
            "infnet": "I_C",
            "subject": f"codebook, {encoder}, {count} devices by one call to {GROWTH_TARGET:.0%}",
            "baseline": "1 device",
            "devices": count,
            "ratio": timed[GROWTH[0]].seconds / found.seconds,
            "unit": "s per device",
            "value": found.seconds,
            "baseline_value": timed[GROWTH[0]].seconds,
            "accuracy": found.accuracy,
            "seeds": [seed],
        }
        for count, found in timed.items()
    ]
