"""Intervals cover what they should."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binomtest

from obfnet.auditing.intervals import of_fraction, of_mean, of_mean_ratio, of_statistic
from obfnet.errors import SpecError


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


def test_a_difference_of_accuracies_is_covered():
    """Two classifiers, .8 and .7, right on the same samples more often than by chance."""
    generator, held = np.random.default_rng(1), 0
    for experiment in range(200):
        luck = generator.random(150)
        one, other = luck < 0.8, np.where(generator.random(150) < 0.5, luck, 1 - luck) < 0.7
        low, high = of_statistic(
            lambda a, b: a.mean() - b.mean(), [one, other], experiment, draws=200
        )
        held += low <= 0.1 <= high
    assert 0.9 <= held / 200 <= 0.99


def _equal_error(scores, same):
    """Where as many of the same are rejected as others accepted, half way between the two."""
    cuts = np.sort(scores)
    missed = np.searchsorted(np.sort(scores[same]), cuts) / same.sum()
    taken = 1 - np.searchsorted(np.sort(scores[~same]), cuts) / (~same).sum()
    nearest = np.abs(missed - taken).argmin()
    return (missed[nearest] + taken[nearest]) / 2


def test_an_equal_error_rate_is_covered():
    """Two normal distributions two deviations apart: an EER of 15.87 %."""
    generator, held = np.random.default_rng(2), 0
    for experiment in range(100):
        same = np.arange(300) % 2 == 0
        scores = generator.standard_normal(300) + 2 * same
        low, high = of_statistic(_equal_error, [scores, same], experiment, draws=200)
        held += low <= 0.1587 <= high
    assert 88 <= held <= 100


def test_a_mean_is_covered():
    generator, held = np.random.default_rng(3), 0
    for experiment in range(200):
        low, high = of_mean(generator.gamma(2, 1, 200), experiment, draws=200)
        held += low <= 2 <= high
    assert 0.9 <= held / 200 <= 0.99


@pytest.mark.parametrize("count", [1, 50, 70_000])
def test_the_quick_forms_are_the_general_one(count):
    """Whatever is drawn at once, and with more samples than are drawn at once."""
    top, bottom = np.random.default_rng(0).gamma(2, 1, (2, count))
    quick = of_mean_ratio(top, bottom, 5, draws=30)
    general = of_statistic(lambda a, b: a.mean() / b.mean(), [top, bottom], 5, draws=30)
    spread = general[1] - general[0]
    assert quick == pytest.approx(general, abs=0.5 * spread + 1e-12)


@given(
    values=arrays(np.float64, st.integers(1, 40), elements=st.floats(-5, 5)), seed=st.integers(0)
)
def test_an_interval_of_a_mean_lies_among_the_values_and_follows_its_seed(values, seed):
    low, high = of_mean(values, seed, draws=50)
    assert values.min() - 1e-9 <= low <= high <= values.max() + 1e-9
    assert (low, high) == of_mean(values, seed, draws=50)


def test_what_does_not_belong_together_is_refused():
    with pytest.raises(SpecError, match=r"lengths \[2, 3\]"):
        of_statistic(lambda a, b: 0.0, [np.zeros(2), np.zeros(3)], 0)
