"""How well a score ranks one kind of sample above another: the area under the ROC curve."""

from __future__ import annotations

import numpy as np

from obfnet.auditing.intervals import Interval, Values
from obfnet.specs import Labels


def auc(raw: Values, released: Values) -> float:
    """Probability that a released sample scores above a raw one; ties count one half.

    The Mann-Whitney statistic of scores ``(n,)`` and ``(m,)``: 1/2 is a coin, 1 tells all.
    """
    scores, places = np.unique(np.concatenate([raw, released]), return_inverse=True)
    return _area(
        np.bincount(places[: len(raw)], minlength=len(scores)),
        np.bincount(places[len(raw) :], minlength=len(scores)),
    )


def auc_interval(raw: Values, released: Values, seed: int, draws: int = 1000) -> Interval:
    """95 % percentile bootstrap of ``auc`` where score i of both, ``(n,)``, is of sample i.

    Whole samples are drawn, x with its x', for the two are not independent.
    """
    generator = np.random.default_rng(seed)
    scores, places = np.unique(np.concatenate([raw, released]), return_inverse=True)
    count = len(raw)
    areas = np.empty(draws)
    for draw in range(draws):
        weight = np.bincount(generator.integers(0, count, count), minlength=count)
        areas[draw] = _area(
            np.bincount(places[:count], weight, len(scores)),
            np.bincount(places[count:], weight, len(scores)),
        )
    low, high = np.percentile(areas, (2.5, 97.5))
    return (float(low), float(high))


def auc_interval_apart(raw: Values, released: Values, seed: int, draws: int = 1000) -> Interval:
    """95 % percentile bootstrap of ``auc`` of scores ``(n,)`` and ``(m,)`` of unrelated samples."""
    generator = np.random.default_rng(seed)
    areas = [
        auc(generator.choice(raw, len(raw)), generator.choice(released, len(released)))
        for _ in range(draws)
    ]
    low, high = np.percentile(areas, (2.5, 97.5))
    return (float(low), float(high))


def _area(raw: Values | Labels, released: Values | Labels) -> float:
    """The statistic of how often each score occurs, in ascending order of scores."""
    below = raw.cumsum() - raw / 2
    return float((below * released).sum() / (raw.sum() * released.sum()))
