"""Run the attacks on transforms and report."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import numpy.typing as npt

from obfnet.auditing.adapters import Auditable, subject_of
from obfnet.auditing.attack import Reconstruction
from obfnet.auditing.effort import Effort, preset
from obfnet.auditing.evidence import Evidence, collect
from obfnet.auditing.findings import Findings
from obfnet.auditing.intervals import Interval, of_fraction
from obfnet.auditing.ladder import FLOORS, climb
from obfnet.auditing.leakage import best_floor, leakage, recovered, validated
from obfnet.auditing.probe import Probed
from obfnet.auditing.report import SANE, Best, Report, Tried
from obfnet.auditing.scores import SCORES
from obfnet.auditing.subject import raw
from obfnet.data.dataset import Dataset
from obfnet.data.splits import Splits, split
from obfnet.errors import NotMeasurableError
from obfnet.nets.infnet import InfNet
from obfnet.registry import find
from obfnet.seeds import branch


def audit(
    transform: Auditable,
    infnet: InfNet,
    data: Dataset,
    splits: Splits | None = None,
    seed: int = 0,
    effort: str | Effort = "quick",
    folder: Path | None = None,
    processes: int | None = None,
) -> Report:
    """Measure what ``transform`` leaks beyond the label, to attackers who train against it.

    The attacker knows transform and InfNet, holds pairs (x, x') of the same distribution, and
    sees the label that the backend computes. Every attack first runs on raw samples.

    Args:
        transform: a set of ObfNets, a torch module, any callable from samples ``(n, *shape)``
            to the same shape, or a ``Subject``; see ``auditing.adapters``.
        infnet: the backend's model.
        data: samples with labels and named private attributes.
        splits: who may see what; by default ``split(data, 0)``, the same as ``obfnet.forge``
            takes, so that nothing is judged on what it was forged on.
        seed: fixes the attacks. A transform that draws at random, as a set of several ObfNets
            does, still gives another x' each time.
        effort: a preset, ``quick``, ``standard`` or ``full``, or an effort of your own.
        folder: where finished parts are kept; a second call with the same arguments goes on
            there. None keeps nothing.
        processes: how many attacks run at once, by default one for each processor.

    Raises:
        NotMeasurableError: x' has another shape, holds NaN, labels give everything away, there
            are too few evaluation samples, or no attack works on raw samples of this data.
        OverlapError: the attacker holds evaluation samples.
    """
    return audit_all([transform], infnet, data, splits, seed, effort, folder, processes)[0]


def audit_all(
    transforms: Sequence[Auditable | None],
    infnet: InfNet,
    data: Dataset,
    splits: Splits | None = None,
    seed: int = 0,
    effort: str | Effort = "quick",
    folder: Path | None = None,
    processes: int | None = None,
) -> list[Report]:
    """``audit`` for several transforms at once, which share what they can: see there.

    A transform that is None stands for raw samples, which nothing protects.
    """
    splits = split(data, 0) if splits is None else splits
    started = time.perf_counter()
    chosen = preset(effort)
    plain = collect(raw(), infnet, data, splits, chosen, seed)
    subjects = [None if each is None else subject_of(each) for each in transforms]
    collected = [
        plain if each is None else collect(each, infnet, data, splits, chosen, seed)
        for each in subjects
    ]
    with ExitStack() as stack:
        place = folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        found = climb(plain, collected, place, seed, processes)
    seconds = time.perf_counter() - started
    return [report_on(each, plain, found, seed, seconds) for each in collected]


def report_on(
    evidence: Evidence,
    plain: Evidence,
    everything: Mapping[Evidence, Findings],
    seed: int,
    seconds: float,
) -> Report:
    """The report on one subject.

    Args:
        evidence: of it.
        plain: of raw samples.
        everything: what was found on both.
        seed: fixes the intervals.
        seconds: wall time of finding it.

    Raises:
        NotMeasurableError: no attack works on raw samples.
    """
    found, first = everything[evidence], everything[plain]
    judged, clean = evidence.evaluation, plain.evaluation.answers
    right, clean_right = judged.answers == judged.labels, clean == judged.labels
    same = judged.answers == clean
    tried = _tried(found, first, seed)
    scores = _best(found, first, tried)
    best = max(tried, key=lambda each: each.validated)
    if max(each.raw for each in tried) < SANE:
        raise NotMeasurableError(
            f"the attacks recover {best.raw:.2f} of raw samples, expected {SANE} or more: they "
            "are broken on this data, and what they say of a transform means nothing"
        )
    return Report(
        subject=evidence.known.subject,
        clean_accuracy=float(clean_right.mean()),
        clean_accuracy_ci=_interval(clean_right),
        accuracy=float(right.mean()),
        accuracy_ci=_interval(right),
        agreement=float(same.mean()),
        agreement_ci=_interval(same),
        scores=scores,
        leakage=best.leakage["mse"],
        best_attack=best.attack,
        raw_leakage=best.raw,
        tried=tried,
        attributes=_best_probes(found),
        raw_attributes=_best_probes(first),
        examined=found.examined,
        unmeasured=found.unmeasured,
        reconstruction=found.reconstructions[best.attack],
        floor=_floor(found, "mse"),
        evidence=evidence,
        evaluated=len(judged),
        attacker_pairs=len(evidence.known.train),
        effort=evidence.known.effort,
        seed=seed,
        seconds=seconds,
        probed=found.probed,
    )


def _tried(found: Findings, first: Findings, seed: int) -> tuple[Tried, ...]:
    """Each attack on the leakage scale of its subject's floors, beside what it does to raw."""
    rows = []
    for name, reconstruction in found.reconstructions.items():
        if name in FLOORS:
            continue
        drawn = branch(seed, "bootstrap", name)
        rows.append(
            Tried(
                name,
                find("attacks", name).knows,  # type: ignore[attr-defined]
                {
                    score: leakage(reconstruction, _floor(found, score), drawn, score)
                    for score in reconstruction.scores
                },
                validated(reconstruction, _floor(found, "mse")),
                _raw(first, name, "mse"),
                len(reconstruction.samples),
            )
        )
    return tuple(sorted(rows, key=lambda row: -row.validated))


def _best(found: Findings, first: Findings, tried: tuple[Tried, ...]) -> dict[str, Best]:
    """The best attack under each score."""
    best = {}
    for score in SCORES:
        floor = _floor(found, score)

        def held(each: Tried, score: str = score, floor: Reconstruction = floor) -> float:
            return validated(found.reconstructions[each.attack], floor, score)

        chosen = max(tried, key=held)
        raw_leakage = _raw(first, chosen.attack, score)
        best[score] = Best(chosen.attack, chosen.leakage[score], raw_leakage, floor.attack)
    return best


def _raw(first: Findings, attack: str, score: str) -> float:
    """Leakage of an attack on raw samples, 0 where it has no answer there."""
    if attack not in first.reconstructions:
        return 0.0
    return recovered(first.reconstructions[attack], _floor(first, score), score)


def _floor(found: Findings, score: str) -> Reconstruction:
    return best_floor((found.reconstructions[name] for name in FLOORS), score)


def _interval(right: npt.NDArray[np.bool_]) -> Interval:
    return of_fraction(int(right.sum()), len(right))


def _best_probes(found: Findings) -> dict[str, Probed]:
    return {
        attribute: max(probes.values(), key=lambda probed: probed.validation)
        for attribute, probes in found.probed.items()
    }
