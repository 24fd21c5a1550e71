"""Attribute inference: what x' tells of who spoke, who wrote, or anything else labelled."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from obfnet.auditing.evidence import Evidence, Known
from obfnet.auditing.intervals import Interval, of_fraction
from obfnet.errors import NotMeasurableError
from obfnet.specs import Labels, Samples


@dataclass(frozen=True)
class Probed:
    """How often an attribute was guessed right.

    Args:
        probe: name of the classifier.
        accuracy: of the attacker, as a fraction of evaluation samples.
        accuracy_ci: its 95 % interval.
        chance: accuracy of the best constant guess, chosen on the attacker's samples.
        label_only: accuracy of guessing from the label alone, likewise.
        validation: accuracy on the attacker's validation samples, by which a probe is chosen.
    """

    probe: str
    accuracy: float
    accuracy_ci: Interval
    chance: float
    label_only: float
    validation: float


class Probe(ABC):
    """Guesses an attribute from x' and the label; a subclass writes ``fit`` and ``infer``.

    Attributes:
        name: registered name, and what tables call it.
    """

    name: ClassVar[str]

    @abstractmethod
    def fit(self, known: Known, attribute: str, seed: int) -> None:
        """Learn from the attacker's pairs, and choose by their validation part."""

    @abstractmethod
    def infer(self, released: Samples, answers: Labels) -> Labels:
        """The attribute's value ``(n,)`` for x' ``(n, *shape)`` and labels ``(n,)``."""

    @final
    def __call__(self, evidence: Evidence, attribute: str, seed: int) -> Probed:
        """Fit on the attacker's pairs, then guess for the evaluation samples.

        The attacker guesses from the label alone instead where the probe does no better on the
        attacker's own validation pairs.

        Raises:
            NotMeasurableError: the attribute has one value only.
            OverlapError: the attacker holds evaluation samples.
        """
        evidence.check_disjoint()
        known, judged = evidence.known, evidence.evaluation
        wanted = known.train.attributes[attribute]
        truth = judged.attributes[attribute]
        for part, values in (("attacker's", wanted), ("evaluation", truth)):
            if len(np.unique(values)) < 2:
                raise NotMeasurableError(
                    f"{attribute} has one value only among the {part} samples: nothing to guess"
                )
        self.fit(known, attribute, seed)
        by_label = _by_label(known.train.answers, wanted, known.classes)
        held = known.validation.attributes[attribute]
        blind = by_label[judged.answers]
        blind_score = float((held == by_label[known.validation.answers]).mean())
        score = float((held == self.infer(known.validation.released, known.validation.answers))
                      .mean())  # fmt: skip
        guess = self.infer(judged.released, judged.answers) if score > blind_score else blind
        hits = int((guess == truth).sum())
        constant = int(np.bincount(wanted).argmax())
        return Probed(
            self.name,
            hits / len(truth),
            of_fraction(hits, len(truth)),
            chance=float((truth == constant).mean()),
            label_only=float((truth == blind).mean()),
            validation=max(score, blind_score),
        )


def values_of(known: Known, attribute: str) -> int:
    """How many values the attribute can take, as far as the attacker knows."""
    parts = (known.train, known.validation)
    return int(max(part.attributes[attribute].max() for part in parts)) + 1


def _by_label(answers: Labels, wanted: Labels, classes: int) -> Labels:
    """The most frequent value of the attribute for each label, ``(classes,)``."""
    guess = np.full(classes, np.bincount(wanted).argmax())
    for label in np.unique(answers):
        guess[label] = np.bincount(wanted[answers == label]).argmax()
    return guess
