"""Times of one sample on one thread, all ways in turns: ours beside the published ObfNets."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import nn

from obfnet.seeds import branch
from obfnet.study.bench_edge_cases import CORAL, PEERS, Case
from obfnet.study.bench_edge_forms import FORMS, Form, Made, Maker, bare

Row = dict[str, Any]
#: Rounds of all ways in turns, and timed runs of each in a round: 1,000 in all.
ROUNDS, RUNS = 20, 50
WARM = 5
#: Runs that the papers print the least, mean and greatest of.
HUNDRED = 100


@dataclass(frozen=True, eq=False)
class Times:
    """Microseconds of one way, ``(rounds, runs)``."""

    each: npt.NDArray[np.float64]

    @property
    def median(self) -> float:
        """Of all runs."""
        return float(np.median(self.each))

    def faster(self, other: Times) -> tuple[float, list[float]]:
        """How many times as fast as ``other``: of the medians, least and greatest of rounds."""
        ratios = np.median(other.each, axis=1) / np.median(self.each, axis=1)
        return other.median / self.median, [float(ratios.min()), float(ratios.max())]


def in_turns(
    ways: Mapping[Any, Callable[[], object]], rounds: int = ROUNDS, runs: int = RUNS
) -> dict[Any, Times]:
    """Time each way ``runs`` times in each of ``rounds``, so that a busy moment hits all alike."""
    found: dict[Any, list[list[float]]] = {name: [] for name in ways}
    clock = time.perf_counter_ns
    for _ in range(rounds):
        for name, way in ways.items():
            for _ in range(WARM):
                way()
            taken = []
            for _ in range(runs):
                started = clock()
                way()
                taken.append((clock() - started) / 1e3)
            found[name].append(taken)
    return {name: Times(np.array(each)) for name, each in found.items()}


def timed_rows(
    case: Case,
    maker: Maker,
    seed: int,
    rounds: int = ROUNDS,
    forms: Sequence[Form] = FORMS,
) -> list[Row]:
    """Our ObfNet against each published one, form by form, fastest against fastest, and bare."""
    sample = case.probes[:1].copy()
    encoders = _made(maker, f"{case.label} {case.name}", case.obfnet.encoder, case, forms)
    ways: dict[tuple[str, Form], Callable[[], object]] = {}
    for form, made in encoders.items():
        ours = replace(case.obfuscator, encoder=made.run)
        ways[case.label, form] = lambda ours=ours: ours(sample)  # type: ignore[misc]
        if form.runtime == "onnxruntime":
            ways["bare", form] = bare(made.content, sample)
    for peer in PEERS[case.name]:
        module = peer.module(branch(seed, case.name, peer.label))
        for form, made in _made(maker, f"{peer.label} {case.name}", module, case, forms).items():
            ways[peer.label, form] = lambda made=made: made.run(sample)  # type: ignore[misc]
    times = in_turns(ways, rounds)
    rows = []
    for peer in PEERS[case.name]:
        rows += _against(case, peer.label, times)
    rows += _as_published(case, times)
    return rows + [
        _row(case, f"{case.label} {case.name}, all of it, {form}", "its encoder alone, input bound",
             times[case.label, form], times["bare", form])
        for form in encoders
        if ("bare", form) in times
    ]  # fmt: skip


def _made(
    maker: Maker, name: str, module: nn.Module, case: Case, forms: Sequence[Form]
) -> dict[Form, Made]:
    found = {form: maker(name, module, case.probes, form) for form in forms}
    return {form: made for form, made in found.items() if made is not None}


def _against(case: Case, peer: str, times: Mapping[tuple[str, Form], Times]) -> list[Row]:
    """In the same form, and each in the form that is fastest for it."""
    both = [form for form in FORMS if (case.label, form) in times and (peer, form) in times]
    pairs = [(form, form) for form in both]
    if both:
        pairs.append((_fastest(case.label, times), _fastest(peer, times)))
    rows = []
    for position, (ours, theirs) in enumerate(pairs):
        fastest = ", its fastest" if position == len(both) else ""
        rows.append(
            _row(
                case,
                f"{case.label} {case.name}, {ours}{fastest}",
                f"{peer} {case.name}, {theirs}{fastest}",
                times[case.label, ours],
                times[peer, theirs],
            )
        )
    return rows


def _fastest(name: str, times: Mapping[tuple[str, Form], Times]) -> Form:
    """The form in which this net is done first."""
    known = {form: taken.median for (each, form), taken in times.items() if each == name}
    return min(known, key=known.__getitem__)


def _row(case: Case, subject: str, baseline: str, ours: Times, theirs: Times) -> Row:
    ratio, interval = ours.faster(theirs)
    return {
        "bench": "edge",
        "dataset": case.name,
        "subject": subject,
        "baseline": baseline,
        "ratio": ratio,
        "ratio_ci": interval,
        "rounds": len(ours.each),
        "unit": "µs",
        "value": ours.median,
        "baseline_value": theirs.median,
        "edge_ms": _milliseconds(ours),
    }


def _as_published(case: Case, times: Mapping[tuple[str, Form], Times]) -> list[Row]:
    """The papers' own form: least, mean and greatest of 100, beside their board's.

    No ratio: another machine's time says nothing of the method.
    """
    low, high = CORAL[case.name]
    rows = []
    for name in dict.fromkeys(name for name, _ in times if name != "bare"):
        form = _fastest(name, times)
        # One from each stretch of the run: 100 in a row would all meet the same moment.
        every = times[name, form].each.reshape(-1)
        hundred = every[:: max(1, every.size // HUNDRED)][:HUNDRED] / 1e3
        mean = float(hundred.mean())
        rows.append(
            {
                "bench": "edge",
                "dataset": case.name,
                "subject": f"{name} {case.name}, {form}, on this machine, mean of {len(hundred)}",
                "baseline": f"O_M {case.name} on a Coral board, as published",
                "unit": "ms",
                "value": mean,
                "baseline_value": low,
                "hundred_ms": {
                    "min": round(float(hundred.min()), 4),
                    "mean": round(mean, 4),
                    "max": round(float(hundred.max()), 4),
                },
                "published_ms": {"min": low, "max": high},
            }
        )
    return rows


def _milliseconds(times: Times) -> dict[str, float]:
    low, high = times.each.min() / 1e3, times.each.max() / 1e3
    return {"min": round(low, 4), "median": round(times.median / 1e3, 4), "max": round(high, 4)}
