"""The floor: an attacker who sees nothing but the label."""

from __future__ import annotations

import numpy as np

from obfnet.auditing.attack import Attack
from obfnet.auditing.evidence import Known
from obfnet.specs import Labels, Samples


class LabelOnly(Attack):
    """Answers the mean sample of each label: the best there is under squared error.

    Its means are taken over the label that the *backend* gives, as every attacker sees it.
    """

    name = "label-only"
    knows = "the label"
    floor = True

    def fit(self, known: Known, seed: int) -> None:
        """Take the mean of all samples, and of the samples of each label that occurs."""
        train, classes = known.train, known.classes
        overall = train.originals.mean(axis=0)
        self._means = np.stack([overall] * classes)
        for label in np.unique(train.answers):
            self._means[label] = train.originals[train.answers == label].mean(axis=0)

    def reconstruct(self, released: Samples, answers: Labels) -> Samples:
        """The mean sample of each answer; x' is not looked at."""
        means: Samples = self._means[answers]
        return means
