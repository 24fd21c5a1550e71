"""What an attacker may learn from, and what it is judged on, kept apart."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from obfnet.auditing.effort import Effort
from obfnet.auditing.subject import Subject, Transform
from obfnet.data.dataset import Dataset
from obfnet.data.splits import Splits
from obfnet.errors import NotMeasurableError, ObfNetError, OverlapError, SpecError
from obfnet.nets.infnet import InfNet
from obfnet.progress import say
from obfnet.seeds import branch
from obfnet.specs import Labels, Samples, SampleSpec


@dataclass(frozen=True, eq=False)
class Pairs:
    """Samples with what left the device for them.

    Args:
        originals: x, ``(n, *shape)``.
        released: x', ``(n, *shape)``.
        answers: the label the backend computes from x', ``(n,)``: every attacker knows it.
        labels: the true label, ``(n,)``, -1 where nobody knows; for accuracy only.
        attributes: private attributes by name, each ``(n,)``.
    """

    originals: Samples
    released: Samples
    answers: Labels
    labels: Labels
    attributes: Mapping[str, Labels]

    def __len__(self) -> int:
        return len(self.originals)

    def take(self, indices: Labels) -> Pairs:
        """The pairs at ``indices``."""
        return Pairs(
            self.originals[indices],
            self.released[indices],
            self.answers[indices],
            self.labels[indices],
            {name: values[indices] for name, values in self.attributes.items()},
        )


@dataclass(frozen=True, eq=False)
class Known:
    """What an attack may learn from.

    Args:
        train: the attacker's own samples.
        made: more pairs that an attacker makes who may send samples: mixtures of two of its
            own, sent through the transform. Without labels or attributes that mean anything.
        validation: the attacker's too, to choose by.
        spec: what a sample looks like.
        kind: what a sample is, see ``data.Dataset``.
        classes: number of labels.
        effort: how hard the attack may try.
        subject: what is attacked.
        infnet: the backend's model.
    """

    train: Pairs
    made: Pairs
    validation: Pairs
    spec: SampleSpec
    kind: str
    classes: int
    effort: Effort
    subject: Subject
    infnet: InfNet

    def sent(self, originals: Samples) -> Pairs:
        """Pairs of samples of the attacker's making, by queries; labels and attributes are void.

        Raises:
            NotMeasurableError: pairs were recorded elsewhere, so nothing can be sent.
        """
        if not self.subject.queries:
            raise NotMeasurableError("needs queries, and these pairs were recorded elsewhere")
        return _pairs(self.subject, self.infnet, self.classes, originals)


@dataclass(frozen=True, eq=False)
class Evidence:
    """What an attack may learn from, and, disjoint from it, what it is judged on."""

    known: Known
    evaluation: Pairs

    def check_disjoint(self) -> None:
        """Refuse evaluation samples that the attacker holds, byte for byte.

        Raises:
            OverlapError: more than one in a hundred is among the attacker's; so many no dataset
                repeats by chance.
        """
        parts = (self.known.train, self.known.validation)
        held = {sample.tobytes() for part in parts for sample in part.originals}
        shared = sum(sample.tobytes() in held for sample in self.evaluation.originals)
        if shared > 0.01 * len(self.evaluation):
            raise OverlapError(
                f"{shared} of {len(self.evaluation)} evaluation samples are among the attacker's, "
                "expected none: whoever holds a sample need not reconstruct it; split anew"
            )


#: Samples that a transform is given at once: bounds memory. The first few tell how slow it is.
BATCH, FIRST = 1024, 64
#: A transform that takes longer than this, in seconds, is said to be slow.
SLOW = 60.0


def collect(
    subject: Subject, infnet: InfNet, data: Dataset, splits: Splits, effort: Effort, seed: int = 0
) -> Evidence:
    """Send the attacker's and the evaluation's samples through the transform and the InfNet.

    Args:
        subject: what is audited.
        infnet: answers x' as the backend does.
        data: samples with labels and private attributes.
        splits: disjoint by construction.
        effort: how many samples of each kind at most.
        seed: fixes what is drawn and mixed.

    Raises:
        SpecError: the InfNet answers with classes that the data does not have, or evaluation
            samples have no label.
        NotMeasurableError: x' has another shape or dtype, or holds NaN or infinity; or there
            are fewer evaluation samples than classes, or of one class only.
        OverlapError: evaluation samples are among the attacker's.
    """
    generator = np.random.default_rng(branch(seed, "attacker"))
    train = generator.permutation(splits.attacker_train)[: effort.pairs]
    held = generator.permutation(splits.attacker_validation)[: max(1, effort.pairs // 4)]
    judged = np.random.default_rng(branch(seed, "evaluation")).permutation(splits.evaluation)
    judged = judged[: effort.evaluated]
    _check_labels(data, judged)
    classes = len(data.classes)

    def pairs(indices: Labels) -> Pairs:
        found = _pairs(subject, infnet, classes, data.samples[indices])
        attributes = {name: values[indices] for name, values in data.attributes.items()}
        return replace(found, labels=data.labels[indices], attributes=attributes)

    own = pairs(train)
    nothing = own.take(np.zeros(0, np.int64))
    known = Known(own, nothing, pairs(held), data.spec, data.kind, classes, effort, subject, infnet)
    evidence = Evidence(known, pairs(judged))
    evidence.check_disjoint()
    few = max(0, effort.mixtures - len(train))
    if few == 0 or not subject.queries:
        return evidence
    made = known.sent(mixtures(own.originals, few, branch(seed, "mixtures")))
    return replace(evidence, known=replace(known, made=made))


def mixtures(originals: Samples, count: int, seed: int) -> Samples:
    """``count`` mixtures of two samples each, ``(count, *shape)``: still in the value range."""
    generator = np.random.default_rng(seed)
    one, other = generator.integers(0, len(originals), (2, count))
    share = generator.beta(0.5, 0.5, count).astype(np.float32)
    share = share.reshape(-1, *[1] * (originals.ndim - 1))
    mixed: Samples = share * originals[one] + (1 - share) * originals[other]
    return mixed


def send(transform: Transform, originals: Samples, shape: tuple[int, ...] | None = None) -> Samples:
    """x' of all samples, batch by batch, checked.

    The transform is given a copy and its answer is copied: it may work in place, and may give the
    same array each time.

    Args:
        transform: from x ``(n, *shape of a sample)``.
        originals: x.
        shape: of one x', by default that of a sample.

    Raises:
        NotMeasurableError: x' has another shape or dtype, holds NaN or infinity, or the transform
            raised something.
        ObfNetError: the transform's own.
    """
    wanted = originals.shape[1:] if shape is None else shape
    released = np.empty((len(originals), *wanted), np.float32)
    started = time.perf_counter()
    edges = [0, *range(FIRST, len(originals), BATCH), len(originals)]
    for start, stop in pairwise(edges):
        released[start:stop] = _asked(transform, originals[start:stop].copy(), wanted)
        expected = (time.perf_counter() - started) * (len(originals) - stop) / max(stop, 1)
        if start == 0 and expected > SLOW:
            say(f"  the transform is slow: {len(originals)} samples take {expected:.0f} s more")
    return released


def _asked(transform: Transform, batch: Samples, wanted: tuple[int, ...]) -> Samples:
    shape, expected = batch.shape, (len(batch), *wanted)
    try:
        released = np.asarray(transform(batch))
    except ObfNetError:
        raise
    except Exception as error:  # whatever a transform does
        raise NotMeasurableError(
            f"the transform failed on float32 samples {shape}: {error!r}; mend it, then audit"
        ) from error
    if released.shape != expected or released.dtype != np.float32:
        raise NotMeasurableError(
            f"the transform gave {released.dtype} {released.shape}, expected float32 {expected}: "
            "x' must look like x; give it another dtype with .astype('float32')"
        )
    if not np.isfinite(released).all():
        raise NotMeasurableError("the transform gave NaN or infinity: mend it, then audit")
    return released


def _pairs(subject: Subject, infnet: InfNet, classes: int, originals: Samples) -> Pairs:
    released = send(subject.transform, originals, subject.released)
    answers = infnet.predict(released)
    if answers.max(initial=0) >= classes:
        raise SpecError(f"the InfNet answers with class {answers.max()}, the data has {classes}")
    return Pairs(originals, released, answers, np.full(len(originals), -1, np.int64), {})


def _check_labels(data: Dataset, judged: Labels) -> None:
    labels = data.labels[judged]
    unknown = int((labels < 0).sum())
    if unknown:
        raise SpecError(
            f"{unknown} evaluation samples have no label, expected one for each: accuracy is "
            "judged on them"
        )
    present = len(np.unique(labels))
    if len(judged) < len(data.classes) or present < 2:
        raise NotMeasurableError(
            f"{len(judged)} evaluation samples of {present} classes, expected at least "
            f"{len(data.classes)} of two classes or more: a figure from fewer means nothing"
        )
