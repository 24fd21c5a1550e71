"""Whether there is enough of every class to learn it."""

from __future__ import annotations

import numpy as np

from obfnet.data.dataset import Dataset
from obfnet.data.splits import Splits
from obfnet.errors import SpecError
from obfnet.progress import say

#: A class with fewer training samples than this share of the most frequent one's is said to be.
RARE = 0.05


def check_classes(data: Dataset, splits: Splits) -> None:
    """Refuse data in which a class is never seen, and say which classes are rare.

    Nothing is said of samples without a label: the InfNet's answers decide for them.

    Raises:
        SpecError: a class has no training sample.
    """
    labels = data.labels[splits.train]
    if (labels < 0).any():
        return
    counts = np.bincount(labels, minlength=len(data.classes))
    absent = [data.classes[label] for label in np.flatnonzero(counts == 0)]
    if absent:
        raise SpecError(
            f"no training sample of {len(absent)} classes ({', '.join(absent[:5])}): an encoder "
            "cannot learn them; add samples, or freeze the InfNet with outputs= of the classes "
            "there are"
        )
    rare = [data.classes[label] for label in np.flatnonzero(counts < RARE * counts.max())]
    if rare:
        say(
            f"  rare classes: {', '.join(rare[:5])}, with fewer than {RARE:.0%} of the samples of "
            "the most frequent one; look at their own accuracy, not at the mean"
        )
