"""How well a similarity tells pairs that belong together from pairs that do not."""

from __future__ import annotations

import numpy as np

from obfnet.auditing.intervals import Interval, Values
from obfnet.specs import Labels


class Compared:
    """Pairs of samples with their similarity, each of one kind: the same, or different.

    Args:
        scores: similarity of each pair, ``(p,)``; only the order counts.
        same: whether a pair belongs together, ``(p,)`` bool.
        one: number of a pair's first sample, ``(p,)``.
        other: of its second, ``(p,)``.
    """

    def __init__(self, scores: Values, same: Labels, one: Labels, other: Labels) -> None:
        order = np.argsort(-scores, kind="stable")
        self._same, self._one, self._other = same[order], one[order], other[order]
        falls = np.flatnonzero(np.diff(scores[order]))
        # Pairs of equal similarity are accepted or refused together.
        self._ends = np.append(falls, len(scores) - 1)

    def equal_error_rate(self, weights: Values | None = None) -> float:
        """Share of wrong decisions where both kinds are wrong equally often; .5 is a coin.

        Between two thresholds it is interpolated, which is what deciding ties by a coin gives.

        Args:
            weights: of each pair, ``(p,)``, by default one.
        """
        weights = np.ones(len(self._same)) if weights is None else weights
        accepted = (weights * self._same).cumsum()
        wrong = (weights * ~self._same).cumsum()
        refused = np.append(1.0, 1 - accepted[self._ends] / accepted[-1])
        false = np.append(0.0, wrong[self._ends] / wrong[-1])
        after = int(np.argmax(false >= refused))  # the last threshold accepts all: 1 >= 0
        if after == 0:
            return 0.0
        gap = refused[after - 1] - false[after - 1]
        closing = gap + false[after] - refused[after]
        share = gap / closing if closing > 0 else 0.0
        return float(false[after - 1] + share * (false[after] - false[after - 1]))

    def interval(self, seed: int, draws: int = 200) -> Interval:
        """95 % percentile bootstrap over samples, with all pairs each one takes part in."""
        generator = np.random.default_rng(seed)
        numbers, places = np.unique(np.concatenate([self._one, self._other]), return_inverse=True)
        one, other = places[: len(self._one)], places[len(self._one) :]
        rates: list[float] = []
        while len(rates) < draws:
            drawn = generator.multinomial(len(numbers), [1 / len(numbers)] * len(numbers))
            # A sample paired with itself counts as often as it was drawn, not squared.
            weights = np.where(one == other, drawn[one], drawn[one] * drawn[other]).astype(float)
            if (weights * self._same).sum() > 0 and (weights * ~self._same).sum() > 0:
                rates.append(self.equal_error_rate(weights))
        low, high = np.percentile(rates, (2.5, 97.5))
        return (float(low), float(high))


def top_one(scores: Values, right: int) -> float:
    """Whether the ``right`` one of a gallery ``(g,)`` scores highest; of t equals, 1/t."""
    best = scores >= scores.max()
    return float(best[right] / best.sum())
