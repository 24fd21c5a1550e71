"""Guess by the samples seen most like this one; by exact counts where x' comes again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from torch import Tensor

from obfnet.auditing.evidence import Known, Pairs
from obfnet.auditing.probe import Probe, values_of
from obfnet.auditing.view import View
from obfnet.specs import Labels, Samples

#: How many neighbours vote; validation pairs choose.
VOTERS = (1, 3, 7, 15, 31, 63)
#: Rows whose distances are held at once: bounds memory.
BATCH = 512

Votes = npt.NDArray[np.float64]


class NearestProbe(Probe):
    """k nearest neighbours, k by validation; the best rule there is for an x' seen before.

    Where x' is one of few, as of a codebook, its neighbours are all the same, and the best any
    attacker can do is the attribute's most frequent value among the samples that gave this x'
    and this label. That is counted, with no net between. Elsewhere the nearest pairs vote
    (Fix and Hodges 1951).
    """

    name = "nearest"

    def fit(self, known: Known, attribute: str, seed: int) -> None:
        """Remember the attacker's pairs; validation pairs choose k, and whether counts help."""
        train, held = known.train, known.validation
        values = values_of(known, attribute)
        self._view = View(train.released, known.classes)
        self._rows = self._view(train.released, train.answers)
        self._codes = np.eye(values)[train.attributes[attribute]]
        self._usual = self._codes.mean(axis=0)
        self._counts = _counts(train, self._codes)
        truth = held.attributes[attribute]
        neighbours = self._vote(held.released, held.answers)
        seen = self._remembered(held.released, held.answers)
        tried = {
            (voters, counts): _hits(seen if counts else None, neighbours[voters], truth)
            for voters in neighbours
            for counts in (True, False)
        }
        # The first of equals: counts, and few neighbours.
        self._voters, self._exact = max(tried, key=lambda rule: tried[rule])

    def infer(self, released: Samples, answers: Labels) -> Labels:
        """The value most voted for."""
        votes = self._vote(released, answers)[self._voters]
        return _guess(self._remembered(released, answers) if self._exact else None, votes)

    def _vote(self, released: Samples, answers: Labels) -> dict[int, Votes]:
        """Votes ``(n, values)`` of the k nearest pairs, for each k."""
        most = [voters for voters in VOTERS if voters <= len(self._rows)]
        found: dict[int, list[Votes]] = {voters: [] for voters in most}
        for near in self._nearest(self._view(released, answers), most[-1]):
            codes = self._codes[near.numpy()]
            votes = np.zeros_like(codes[:, 0])
            for before, voters in pairwise([0, *most]):
                votes = votes + codes[:, before:voters].sum(axis=1)
                # Ties go to the value that is usual.
                found[voters].append(votes + 0.5 * self._usual)
        return {voters: np.concatenate(parts) for voters, parts in found.items()}

    def _nearest(self, rows: Tensor, count: int) -> Iterator[Tensor]:
        """Positions of the ``count`` nearest pairs, nearest first, batch by batch."""
        lengths = (self._rows**2).sum(dim=1)
        for part in rows.split(BATCH):
            distance = lengths - 2 * part @ self._rows.T
            yield distance.topk(count, dim=1, largest=False).indices

    def _remembered(self, released: Samples, answers: Labels) -> Votes:
        """Counts ``(n, values)`` of the pairs with the very same x' and label; 0 if none."""
        none = np.zeros_like(self._usual)
        return np.stack([self._counts.get(key, none) for key in _keys(released, answers)])


def _counts(pairs: Pairs, codes: Votes) -> dict[bytes, Votes]:
    counts: dict[bytes, Votes] = {}
    for key, code in zip(_keys(pairs.released, pairs.answers), codes, strict=True):
        counts[key] = counts.get(key, 0) + code
    return counts


def _keys(released: Samples, answers: Labels) -> Iterator[bytes]:
    for sample, answer in zip(released, answers, strict=True):
        yield sample.tobytes() + int(answer).to_bytes(4, "little")


def _guess(seen: Votes | None, votes: Votes) -> Labels:
    guess: Labels = votes.argmax(axis=1)
    if seen is None:
        return guess
    return np.where(seen.any(axis=1), (seen + 1e-6 * votes).argmax(axis=1), guess)


def _hits(seen: Votes | None, votes: Votes, truth: Labels) -> float:
    return float((_guess(seen, votes) == truth).mean())
