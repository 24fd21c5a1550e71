"""Nearest pairs are the exact conditional mean where x' is one of few rows."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from obfnet.auditing.attacks.nearest import NearestPairs
from obfnet.auditing.evidence import collect
from obfnet.auditing.subject import Subject


@pytest.fixture(scope="module")
def rows(infnet, digits, splits, tiny):
    """x' is one of two rows: the sample's upper half is bright or dark."""
    bright = np.zeros((1, 8, 8), np.float32), np.ones((1, 8, 8), np.float32)

    def transform(samples):
        upper = samples[:, 0, :4].mean(axis=(1, 2)) > 0.33
        return np.stack([bright[int(one)] for one in upper]).reshape(samples.shape)

    return collect(Subject("rows", transform), infnet, digits, splits, tiny)


def test_ties_are_answered_with_the_mean_of_all_of_them(rows):
    attack = NearestPairs()
    attack.fit(rows.known, 0)
    attack._choice = replace(attack._choice, shrinkage=0.0, neighbours=4)
    train = rows.known.train
    for value, plain in product((0.0, 1.0), (0, 1)):
        attack._choice = replace(attack._choice, plain=plain)
        there = train.released[:, 0, 0, 0] == value
        asked = train.take(np.flatnonzero(there)[:1])
        same = there & (train.answers == asked.answers[0])
        guess = attack.reconstruct(asked.released, asked.answers)
        assert np.allclose(guess[0], train.originals[same].mean(axis=0), atol=1e-5)


def test_a_sample_the_attacker_holds_is_found(infnet, digits, splits, tiny):
    """x' and x of a known pair come back, if one neighbour is all that is asked."""
    evidence = collect(Subject("raw", lambda x: x), infnet, digits, splits, tiny)
    attack = NearestPairs()
    attack.fit(evidence.known, 0)
    attack._choice = replace(attack._choice, neighbours=1, shrinkage=0.0)
    some = evidence.known.train.take(np.arange(300))
    guess = attack.reconstruct(some.released, some.answers)
    assert np.allclose(guess, some.originals, atol=1e-6)
