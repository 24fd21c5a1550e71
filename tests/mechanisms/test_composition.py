"""Releases add up as the table in docs/certificates.md says."""

import math

import numpy as np
import pytest

from obfnet.errors import SpecError
from obfnet.mechanisms.codebook import Codebook
from obfnet.mechanisms.composition import compose
from obfnet.mechanisms.gaussian import Gaussian
from obfnet.mechanisms.none import NoMechanism
from obfnet.mechanisms.randomised_bits import RandomisedBits


@pytest.mark.parametrize(
    ("sent", "releases"),
    [
        ({}, 1),
        ({"repeats": 100}, 1),
        ({"repeats": 100, "obfnets": 8}, 8),
        ({"repeats": 3, "obfnets": 8}, 3),
        ({"repeats": 100, "obfnets": 8, "policy": "pinned"}, 1),
        ({"samples": 5, "repeats": 100, "obfnets": 8}, 40),
        ({"samples": 5, "policy": "pinned", "obfnets": 8, "repeats": 7}, 5),
    ],
)
def test_a_deterministic_mechanism(sent, releases):
    total = compose(Codebook(10), **sent)
    assert total.bits == pytest.approx(releases * math.log2(10))
    assert total.guessing_factor == pytest.approx(10.0**releases)
    assert total.guessing_factor_given_label == 1.0


def test_fresh_noise_adds_up_until_the_code_is_known():
    mechanism = RandomisedBits(8, 0.25)
    once = mechanism.certificate().bits
    assert compose(mechanism, repeats=3).bits == pytest.approx(3 * once)
    assert compose(mechanism, repeats=1000).bits == 8
    assert compose(mechanism, repeats=1000, policy="pinned").bits == pytest.approx(once)
    assert compose(mechanism, repeats=1000, obfnets=2).bits == 16
    assert compose(mechanism, repeats=3).epsilon == pytest.approx(24 * math.log(3))


def test_repeated_gaussian_releases_count_by_signal_to_noise():
    mechanism = Gaussian(4, 1.0, 0.5)
    expected = 2 * math.log2(1 + 10 / (4 * 0.25))
    assert compose(mechanism, repeats=10).bits == pytest.approx(expected)
    assert compose(mechanism, repeats=10).bits < 10 * mechanism.certificate().bits


def test_two_codebooks_on_one_sample_exactly():
    """Both rows together: at most twice the bits, whatever the encoders."""
    generator = np.random.default_rng(1)
    first, second = (
        Codebook(3).release(generator.normal(size=(50, 3)).astype(np.float32)) for _ in range(2)
    )
    shares = np.bincount(first * 3 + second, minlength=9) / 50
    entropy = -(shares[shares > 0] * np.log2(shares[shares > 0])).sum()
    assert entropy <= compose(Codebook(3), repeats=2, obfnets=2).bits


def test_a_very_long_stream_overflows_to_no_bound_on_guessing():
    total = compose(Codebook(10), samples=10_000)
    assert math.isinf(total.guessing_factor)
    assert total.bits == pytest.approx(10_000 * math.log2(10))


def test_nothing_stays_nothing():
    assert math.isinf(compose(NoMechanism(), samples=3, repeats=2, obfnets=2).bits)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"samples": 0}, "samples >= 1"),
        ({"repeats": 0}, "repeats >= 1"),
        ({"obfnets": 0}, "obfnets >= 1"),
        ({"policy": "sticky"}, "'random' or 'pinned'"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong, message):
    with pytest.raises(SpecError, match=message):
        compose(Codebook(10), **wrong)
