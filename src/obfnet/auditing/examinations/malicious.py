"""What a malicious backend could make of the same mechanism, beside what is certified of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from obfnet.auditing.evidence import Evidence, Pairs
from obfnet.auditing.examination import Examined, Measure
from obfnet.auditing.examinations.certified import guessed_at_most, told_at_most
from obfnet.auditing.examinations.smuggler import Cargo, Smuggler
from obfnet.auditing.intervals import of_fraction, of_mean_ratio
from obfnet.errors import NotMeasurableError
from obfnet.mechanisms.certificate import Certificate
from obfnet.seeds import branch
from obfnet.specs import Labels

#: How much the label counts beside what is smuggled, by what a row of the table says of it.
STANCES: Mapping[str, float] = {"label ignored": 0.0, "label traded": 0.3, "label kept": 5.0}
#: Side of the thumbnail that is smuggled, and of the picture that leakage is measured on.
SIDE = 8
#: Releases averaged for each sample of a gallery where the mechanism is random.
GALLERY = 16
#: Samples of a gallery at most.
MOST_RECOGNISED = 1000


def malicious(evidence: Evidence, raw: Evidence, seed: int) -> Examined:
    """Forge encoders that smuggle x through the subject's mechanism, as hard as they can.

    For a thumbnail and for each private attribute an encoder and a decoder are trained together
    through the mechanism, with the label ignored, traded or kept (a service that no longer
    answers would be noticed). Judged on what the *exact* mechanism releases.

    Raises:
        NotMeasurableError: there is no mechanism, or it certifies nothing.
    """
    mechanism = evidence.known.subject.mechanism
    if mechanism is None or not mechanism.certificate().certified:
        raise NotMeasurableError("nothing is certified, so a malicious forge can make anything fit")
    certificate = mechanism.certificate()
    cargo = _cargo(evidence)
    train, judged = evidence.known.train, evidence.evaluation
    measures: list[Measure] = []
    alarms: list[str] = []

    def found(measure: Measure, bound: float) -> None:
        measures.append(measure)
        if measure.ci is not None and measure.ci[0] > bound:
            alarms.append(measure.name)

    for stance, weight in STANCES.items():
        for secret in _secrets(train, judged):
            smuggler = Smuggler(
                mechanism, cargo, secret, weight, branch(seed, stance, secret or "thumbnail")
            )
            told = smuggler.read(judged.originals)
            where = f"{secret or 'thumbnail'}, {stance}"
            if secret is None:
                measures.append(_thumbnails(told.thumbnails, evidence, where, seed))
                found(
                    _recognised(smuggler, judged, where, certificate),
                    certificate.guessing_factor / min(MOST_RECOGNISED, len(judged)),
                )
            else:
                truth = judged.attributes[secret]
                bound = min(guessed_at_most(truth, certificate), told_at_most(truth, certificate))
                found(_fraction(f"{where}: guessed", told.secrets, truth, train, secret), bound)
                measures.append(Measure(f"{where}: certified bound", bound))
            clean = float((raw.evaluation.answers == raw.evaluation.labels).mean())
            right = _fraction(f"{where}: label right", told.labels, judged.labels, train, None)
            measures.append(replace(right, raw=clean))
    return Examined(
        "malicious",
        "Malicious forge",
        "the backend forges encoder and decoder itself; only the mechanism is the device's",
        tuple(measures),
        _note(alarms, certificate),
    )


def _note(alarms: list[str], certificate: Certificate) -> str:
    if alarms:
        return (
            f"ALARM: {'; '.join(alarms)} exceed what is certified. The certificate of this "
            "mechanism does not hold: stop using it."
        )
    return (
        f"The certificate allows {certificate.bits:.3g} bits and guessing any secret at most "
        f"{certificate.guessing_factor:.4g} times as often as blindly, for any weights; nothing "
        "here exceeds it. With the label kept, what is above the floor is what a backend gains by "
        "cheating."
    )


def _secrets(train: Pairs, judged: Pairs) -> Iterator[str | None]:
    """The thumbnail, as None, and each attribute that has more than one value."""
    yield None
    for name, values in judged.attributes.items():
        if len(np.unique(values)) > 1 and len(np.unique(train.attributes[name])) > 1:
            yield name


def _cargo(evidence: Evidence) -> Cargo:
    """The backend's own samples; where it has no labels, those that its InfNet answers."""
    train, held = evidence.known.train, evidence.known.validation

    def labels(pairs: Pairs) -> Labels:
        return np.where(pairs.labels >= 0, pairs.labels, pairs.answers)

    return Cargo(
        train.originals,
        held.originals,
        thumbnails(torch.from_numpy(train.originals)),
        thumbnails(torch.from_numpy(held.originals)),
        labels(train),
        labels(held),
        train.attributes,
        held.attributes,
        evidence.known.classes,
        evidence.known.effort,
    )


def thumbnails(samples: Tensor) -> Tensor:
    """``(n, cells)``: pictures shrunk to at most 8x8 in each channel; flat samples as they are."""
    if samples.ndim != 4:
        return samples.flatten(1)
    height, width = (min(SIDE, side) for side in samples.shape[2:])
    return adaptive_avg_pool2d(samples, (height, width)).flatten(1)


def _thumbnails(guess: Tensor, evidence: Evidence, where: str, seed: int) -> Measure:
    """Leakage at the size of a thumbnail, against who knows the backend's label only."""
    train, judged = evidence.known.train, evidence.evaluation
    seen, truth = (thumbnails(torch.from_numpy(each.originals)) for each in (train, judged))
    means = seen.mean(0).repeat(evidence.known.classes, 1)
    for label in np.unique(train.answers):
        means[label] = seen[torch.from_numpy(train.answers == label)].mean(0)
    floor = ((means[torch.from_numpy(judged.answers)] - truth) ** 2).mean(1).double().numpy()
    errors = ((guess - truth) ** 2).mean(1).double().numpy()
    if floor.sum() <= 0:
        raise NotMeasurableError(
            "all samples of a label are the same: nothing is left to leak beyond the label"
        )
    low, high = of_mean_ratio(errors, floor, branch(seed, "bootstrap"))
    return Measure(
        f"{where}: leakage",
        max(0.0, 1 - float(errors.mean() / floor.mean())),
        (max(0.0, 1 - high), max(0.0, 1 - low)),
        floor=0.0,
        raw=1.0,
    )


def _recognised(smuggler: Smuggler, judged: Pairs, where: str, certificate: Certificate) -> Measure:
    """How often a release tells which of all evaluation samples it was, at most factor / n."""
    count = min(MOST_RECOGNISED, len(judged))
    hits = smuggler.recognised(judged.originals[:count], GALLERY)
    bound = min(1.0, certificate.guessing_factor / count)
    return Measure(
        f"{where}: sample recognised among {count} (certified: at most {bound:.3g})",
        hits / count,
        of_fraction(hits, count),
        floor=1 / count,
        raw=1.0,
    )


def _fraction(name: str, guess: Labels, truth: Labels, train: Pairs, secret: str | None) -> Measure:
    known = train.labels if secret is None else train.attributes[secret]
    constant = np.bincount(known[known >= 0], minlength=1).argmax()
    hits = int((guess == truth).sum())
    return Measure(
        name,
        hits / len(truth),
        of_fraction(hits, len(truth)),
        floor=float((truth == constant).mean()),
    )
