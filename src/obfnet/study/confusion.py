"""What was recognised against what it was, and whether chance explains the hits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from scipy.stats import beta, binom

from obfnet.auditing.intervals import Interval
from obfnet.specs import Labels


def confusion(truth: Labels, found: Labels, classes: int) -> list[list[int]]:
    """Counts ``classes x (classes + 1)``: a row for each true class, last column for -1, nothing.

    Args:
        truth: ``(n,)``, of ``[0, classes)``.
        found: ``(n,)``, -1 where nothing was recognised.
        classes: how many there are.
    """
    counts = np.zeros((classes, classes + 1), np.int64)
    np.add.at(counts, (truth, np.where(found < 0, classes, found)), 1)
    table: list[list[int]] = counts.tolist()
    return table


def exact_interval(hits: int, count: int) -> Interval:
    """The exact 95 % interval of a binomial share (Clopper and Pearson 1934)."""
    if count < 1:
        return (0.0, 1.0)
    low = float(beta.ppf(0.025, hits, count - hits + 1)) if hits else 0.0
    high = float(beta.ppf(0.975, hits + 1, count - hits)) if hits < count else 1.0
    return (low, high)


def constant_guess(learnt: Labels, truth: Labels) -> float:
    """How often the most frequent of ``learnt`` ``(n,)`` is right about ``truth`` ``(m,)``."""
    return float((truth == np.bincount(learnt).argmax()).mean())


def scored(
    truth: Labels, found: Labels, classes: int, chance: float, adaptive: bool = False
) -> dict[str, Any]:
    """Accuracy with its exact interval, and how often chance alone gives as many hits.

    Interval and ``p_value``, which is one-sided, are per answer: of answers about the same x', or
    by the same person, they say less than they seem to.

    Args:
        truth: ``(n,)``.
        found: ``(n,)``, -1 where nothing was recognised.
        classes: how many there are.
        chance: share that somebody gets right who knows nothing of the sample.
        adaptive: whether ``found`` is by somebody who learnt from x'.
    """
    hits, count = int((found == truth).sum()), len(truth)
    return {
        "accuracy": hits / max(1, count),
        "accuracy_ci": list(exact_interval(hits, count)),
        "count": count,
        "chance": chance,
        "p_value": float(binom.sf(hits - 1, count, chance)) if count else 1.0,
        "adaptive": adaptive,
        "confusion": confusion(truth, found, classes),
    }


def among(truth: Labels, found: Labels, classes: int) -> dict[str, Any]:
    """``scored`` for somebody who was offered ``classes`` answers and asked about all alike."""
    return scored(truth, found, classes, 1 / classes)


def table(title: str, counts: Sequence[Sequence[int]], names: Sequence[str]) -> str:
    """A confusion matrix as an HTML table, darker where there is more."""
    most = max(1, max(max(row) for row in counts))
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in (*names, "none"))
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(
            f'<td style="background:rgba(30,90,160,{0.7 * each / most:.2f})">{each}</td>'
            for each in row
        )
        + "</tr>"
        for name, row in zip(names, counts, strict=True)
    )
    return (
        f"<table class=confusion><caption>{escape(title)}</caption><thead><tr>"
        f'<th scope="col">true \\ said</th>{head}</tr></thead><tbody>{body}</tbody></table>'
    )


def said(score: Mapping[str, Any]) -> str:
    """A score in words: share, exact interval, chance."""
    low, high = score["accuracy_ci"]
    return f"{score['accuracy']:.1%} [{low:.1%}, {high:.1%}], chance {score['chance']:.0%}"
