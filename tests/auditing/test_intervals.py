"""Intervals cover what they should."""

import numpy as np
import pytest
from scipy.stats import binomtest

from obfnet.auditing.intervals import of_fraction, of_mean_ratio


@pytest.mark.parametrize(("hits", "count"), [(0, 10), (10, 10), (97, 100), (1, 3)])
def test_wilson_is_scipys(hits, count):
    expected = binomtest(hits, count).proportion_ci(method="wilson")
    assert of_fraction(hits, count) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_nothing_counted_says_nothing():
    assert of_fraction(0, 0) == (0.0, 1.0)


def test_the_bootstrap_covers_a_known_ratio():
    """A true ratio of means of one half, 200 experiments: about 95 % of intervals hold it."""
    generator = np.random.default_rng(0)
    held = 0
    for experiment in range(200):
        top, bottom = generator.gamma(2, 1, 100), generator.gamma(2, 2, 100)
        low, high = of_mean_ratio(top, bottom, experiment, draws=200)
        held += low <= 0.5 <= high
    assert 0.9 <= held / 200 <= 0.99


def test_paired_samples_narrow_it():
    values = np.random.default_rng(0).gamma(2, 1, 300)
    low, high = of_mean_ratio(values / 2, values, 0)
    assert low == pytest.approx(0.5)
    assert high == pytest.approx(0.5)
