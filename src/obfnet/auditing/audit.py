"""Run the attacks on one transform and report."""

from __future__ import annotations

import time
from dataclasses import replace

from obfnet.auditing.evidence import Transform, collect
from obfnet.auditing.floor import LabelOnly
from obfnet.auditing.intervals import of_fraction
from obfnet.auditing.leakage import leakage
from obfnet.auditing.probe import probe
from obfnet.auditing.report import SANE, Report
from obfnet.data.dataset import Dataset
from obfnet.data.splits import Splits, split
from obfnet.errors import NotMeasurableError
from obfnet.nets.frozen import InfNet
from obfnet.registry import find, names
from obfnet.seeds import branch


def audit(
    transform: Transform,
    infnet: InfNet,
    data: Dataset,
    splits: Splits | None = None,
    seed: int = 0,
    raw_leakage: float | None = None,
    most_train: int = 20_000,
) -> Report:
    """Measure what ``transform`` leaks beyond the label, to attackers who train against it.

    The attacker knows transform and InfNet, holds pairs (x, x') of the same distribution, and
    sees the label that the backend computes. The same attacks first run on raw samples.

    Args:
        transform: any callable from samples ``(n, *shape)`` to the same shape.
        infnet: the backend's model.
        data: samples with labels and named private attributes.
        splits: who may see what; by default ``split(data, 0)``, the same as ``obfnet.forge``
            takes, so that nothing is judged on what it was forged on.
        seed: fixes the attacks. A transform that draws at random, as a set of several ObfNets
            does, still gives another x' each time.
        raw_leakage: of a finished audit of raw samples with the same data, splits and seed,
            so that several transforms need it only once.
        most_train: at most this many attacker pairs.

    Raises:
        NotMeasurableError: x' has another shape, holds NaN, labels give everything away, or
            the attacks do not work on raw samples of this data.
    """
    splits = split(data, 0) if splits is None else splits
    if raw_leakage is None:
        raw_leakage = audit_raw(infnet, data, splits, seed, most_train).raw_leakage
    if raw_leakage < SANE:
        raise NotMeasurableError(
            f"the attacks recover {raw_leakage:.2f} of raw samples, expected {SANE} or more: they "
            "are broken on this data, and what they say of a transform means nothing"
        )
    report = _measure(transform, infnet, data, splits, seed, most_train)
    return replace(report, raw_leakage=raw_leakage)


def audit_raw(
    infnet: InfNet, data: Dataset, splits: Splits, seed: int = 0, most_train: int = 20_000
) -> Report:
    """The sanity row: the same attacks on samples that nothing protects."""
    return _measure(lambda samples: samples, infnet, data, splits, seed, most_train)


def _measure(
    transform: Transform,
    infnet: InfNet,
    data: Dataset,
    splits: Splits,
    seed: int,
    most_train: int,
) -> Report:
    started = time.perf_counter()
    evidence = collect(transform, infnet, data, splits, most_train, seed)
    judged = evidence.evaluation
    clean = infnet.predict(judged.originals)
    hits = int((judged.answers == judged.labels).sum())
    floor = LabelOnly()(evidence, seed)
    attacks = [find("attacks", name)()(evidence, branch(seed, name)) for name in names("attacks")]
    best = min(attacks, key=lambda attack: attack.validation_error)
    scale = leakage(best, floor, branch(seed, "bootstrap"))
    probed = {name: probe(evidence, name, branch(seed, name)) for name in data.attributes}
    return Report(
        clean_accuracy=float((clean == judged.labels).mean()),
        accuracy=hits / len(judged),
        accuracy_ci=of_fraction(hits, len(judged)),
        agreement=float((judged.answers == clean).mean()),
        leakage=scale,
        best_attack=best.attack,
        raw_leakage=scale.value,
        attributes={name: found for name, found in probed.items() if found is not None},
        reconstruction=best,
        floor=floor,
        evaluated=len(judged),
        attacker_pairs=len(evidence.known.train),
        seconds=time.perf_counter() - started,
    )
