"""Equal error rates: a coin, certainty, ties and known distributions."""

from statistics import NormalDist

import numpy as np
import pytest

from obfnet.auditing.error_rate import Compared, top_one


def compared(scores, same):
    numbers = np.arange(len(scores))
    return Compared(np.array(scores, float), np.array(same, bool), numbers, numbers + 1)


def test_perfect_scores_make_no_errors():
    assert compared([3, 2, 1, 0], [1, 1, 0, 0]).equal_error_rate() == 0


def test_reversed_scores_make_nothing_but_errors():
    assert compared([0, 1, 2, 3], [1, 1, 0, 0]).equal_error_rate() == 1


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_equal_scores_are_a_coin_however_many_belong_together(share):
    same = np.arange(100) < 100 * share
    assert compared(np.zeros(100), same).equal_error_rate() == pytest.approx(0.5)


def test_order_of_equal_scores_does_not_count():
    assert compared([1, 1, 0, 0], [1, 0, 1, 0]).equal_error_rate() == pytest.approx(0.5)
    assert compared([1, 1, 0, 0], [0, 1, 0, 1]).equal_error_rate() == pytest.approx(0.5)


def test_two_normal_distributions_overlap_as_they_should():
    generator = np.random.default_rng(0)
    same = np.arange(40_000) % 2 == 0
    scores = generator.normal(size=40_000) + 2 * same
    assert compared(scores, same).equal_error_rate() == pytest.approx(
        NormalDist().cdf(-1), abs=0.01
    )


def test_the_interval_covers_what_other_samples_give():
    """Samples with a value of their own; pairs of one value belong together."""

    def rate(seed):
        generator = np.random.default_rng(seed)
        value = generator.integers(0, 2, 60)
        seen = value + generator.normal(0, 0.7, 60)
        one, other = np.triu_indices(60, 1)
        return Compared(-np.abs(seen[one] - seen[other]), value[one] == value[other], one, other)

    truth = np.mean([rate(seed).equal_error_rate() for seed in range(200)])
    covered = [low <= truth <= high for low, high in (rate(s).interval(s) for s in range(40))]
    assert np.mean(covered) >= 0.8


def test_the_first_of_equals_counts_a_share():
    assert top_one(np.array([1.0, 1.0, 0.0]), 0) == 0.5
    assert top_one(np.array([1.0, 2.0, 0.0]), 0) == 0
    assert top_one(np.array([1.0, 2.0, 0.0]), 1) == 1
