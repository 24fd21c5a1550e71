"""A few samples of an audit to look at: before, after, and what attackers made of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from obfnet.auditing.report import Report
from obfnet.specs import Samples

COUNT = 8


@dataclass(frozen=True, eq=False)
class Shown:
    """Samples of different classes, ``(n, *shape)`` each, in the same order.

    Args:
        original: x.
        released: x'.
        reconstruction: of the best attack.
        floor: of the attacker who knows only the label.
    """

    original: Samples
    released: Samples
    reconstruction: Samples
    floor: Samples


def shown(report: Report, count: int = COUNT) -> Shown:
    """One evaluation sample of each of the first ``count`` classes that occur."""
    judged = report.evidence.evaluation
    labels = judged.labels[: len(report.reconstruction.samples)]
    chosen = np.array([np.flatnonzero(labels == label)[0] for label in np.unique(labels)[:count]])
    return Shown(
        judged.originals[chosen],
        judged.released[chosen],
        report.reconstruction.samples[chosen],
        report.floor.samples[chosen],
    )
