"""Where x' takes a few values there is nothing to train: the mean of each is the answer."""

from __future__ import annotations

import numpy as np

from obfnet.auditing.attack import Attack
from obfnet.auditing.attacks.mlp import MlpDecoder
from obfnet.auditing.evidence import Known, Pairs
from obfnet.auditing.probe import Probe, values_of
from obfnet.auditing.probes.mlp import MlpProbe
from obfnet.specs import Labels, Samples

#: More values than this are many, and so are those that come up less often than this.
FEW, OFTEN = 256, 8


def values_taken(known: Known) -> int:
    """How many values x' takes among the attacker's pairs if these are few, else 0.

    Few means at most ``FEW`` and each seen ``OFTEN`` on average; and validation pairs bring
    nearly none that is new.
    """
    seen = {message.tobytes() for message in known.train.released}
    if len(seen) > min(FEW, len(known.train) / OFTEN):
        return 0
    new = sum(message.tobytes() not in seen for message in known.validation.released)
    return len(seen) if new <= 0.01 * len(known.validation) else 0


class FewAnswers(Attack):
    """The mean of all the attacker's samples that gave this x': the least squared error there is.

    A mean of few samples is pulled towards the label's mean, by as much as validation pairs say.
    """

    name = MlpDecoder.name
    knows = MlpDecoder.knows

    def fit(self, known: Known, seed: int) -> None:
        """Take the means, and choose the pull."""
        train, held = known.train, known.validation
        self._cells = _Cells(train, known.classes)
        flat = train.originals.reshape(len(train), -1)
        ones = np.ones(len(train), np.float32)
        of_label = np.zeros((known.classes, flat.shape[1]), np.float32)
        for label in range(known.classes):
            own = train.answers == label
            of_label[label] = flat[own].mean(axis=0) if own.any() else flat.mean(axis=0)
        sums, counts = self._cells.sums(flat), self._cells.sums(ones[:, None])
        wanted = held.originals.reshape(len(held), -1)
        least = float("inf")
        for pull in (0.0, 1.0, 4.0, 16.0, 64.0, 1024.0):
            means = (sums + pull * of_label[self._cells.labels]) / np.maximum(counts + pull, 1e-9)
            self._try(means, of_label)
            error = float(np.square(self._flat(held.released, held.answers) - wanted).mean())
            if error < least:
                least, best = error, means
        self._try(best, of_label)
        self._shape = known.spec.shape

    def reconstruct(self, released: Samples, answers: Labels) -> Samples:
        """The mean of this x', or of this label where x' was never seen."""
        return self._flat(released, answers).reshape(-1, *self._shape)

    def _try(self, means: Samples, of_label: Samples) -> None:
        self._means = np.concatenate([means, of_label]).astype(np.float32)

    def _flat(self, released: Samples, answers: Labels) -> Samples:
        flat: Samples = self._means[self._cells.of(released, answers)]
        return flat


class FewGuesses(Probe):
    """The most frequent value of the attribute among the attacker's samples that gave this x'."""

    name = MlpProbe.name

    def fit(self, known: Known, attribute: str, seed: int) -> None:
        """Count."""
        train, values = known.train, values_of(known, attribute)
        self._cells = _Cells(train, known.classes)
        counted = self._cells.sums(np.eye(values, dtype=np.float32)[train.attributes[attribute]])
        by_label = np.zeros((known.classes, values))
        np.add.at(by_label, (train.answers, train.attributes[attribute]), 1)
        self._guess: Labels = np.concatenate([counted, by_label]).argmax(axis=1)

    def infer(self, released: Samples, answers: Labels) -> Labels:
        """The most frequent value for each x', or for its label where x' was never seen."""
        guess: Labels = self._guess[self._cells.of(released, answers)]
        return guess


class _Cells:
    """The different pairs of x' and label among the attacker's samples, numbered."""

    def __init__(self, train: Pairs, classes: int) -> None:
        self._known: dict[bytes, int] = {}
        self._train = np.array([
            self._known.setdefault(mark, len(self._known))
            for mark in _marks(train.released, train.answers)
        ])  # fmt: skip
        self.labels = np.zeros(len(self._known), np.int64)
        self.labels[self._train] = train.answers

    def sums(self, rows: Samples) -> Samples:
        """Sum of the attacker's ``rows`` ``(n, width)`` in each cell, ``(cells, width)``."""
        total = np.zeros((len(self.labels), rows.shape[1]))
        np.add.at(total, self._train, rows)
        return total.astype(np.float32)

    def of(self, released: Samples, answers: Labels) -> Labels:
        """Number of each message's cell ``(n,)``; the cells' number plus the label if unseen."""
        cells = len(self.labels)
        return np.array([
            self._known.get(mark, cells + int(label))
            for mark, label in zip(_marks(released, answers), answers, strict=True)
        ])  # fmt: skip


def _marks(released: Samples, answers: Labels) -> list[bytes]:
    return [
        message.tobytes() + int(label).to_bytes(8, "big")
        for message, label in zip(released, answers, strict=True)
    ]
