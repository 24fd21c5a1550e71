"""Certificates hold: against exact computation on small alphabets and the optimal attacker."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from obfnet.errors import SpecError
from obfnet.mechanisms.certificate import least_bits
from obfnet.mechanisms.codebook import Codebook
from obfnet.mechanisms.none import NoMechanism


def _mutual_information(joint):
    outer = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    held = joint > 0
    return float((joint[held] * np.log2(joint[held] / outer[held])).sum())


@given(st.integers(2, 6), st.integers(0, 10_000))
def test_a_codebook_never_tells_more_than_it_certifies(codes, seed):
    """Any prior over 40 samples, any encoder: exact I(X; X') and the exact best guess."""
    generator = np.random.default_rng(seed)
    prior = generator.dirichlet(np.full(40, 0.3))
    mechanism = Codebook(codes)
    released = mechanism.release(generator.normal(size=(40, codes)).astype(np.float32))
    joint = np.zeros((40, codes))
    joint[np.arange(40), released] = prior
    certificate = mechanism.certificate()
    assert _mutual_information(joint) <= certificate.bits + 1e-9
    # The optimal attacker guesses the likeliest sample given each row.
    success = joint.max(axis=0).sum()
    assert success <= certificate.guessing_factor * prior.max() + 1e-9


def test_the_codebook_bound_is_reached():
    """Equally likely rows, one sample each: nothing below log2 K would be true."""
    codes = 8
    mechanism = Codebook(codes)
    released = mechanism.release(np.eye(codes, dtype=np.float32))
    joint = np.zeros((codes, codes))
    joint[np.arange(codes), released] = 1 / codes
    assert _mutual_information(joint) == pytest.approx(mechanism.certificate().bits)


def test_given_the_label_only_the_rows_of_its_class_remain():
    """Three rows a class: knowing the label, guessing a sample improves at most threefold."""
    classes, rows = 4, 3
    mechanism = Codebook(classes * rows, rows_per_class=rows)
    generator = np.random.default_rng(0)
    prior = generator.dirichlet(np.full(60, 0.3))
    released = mechanism.release(generator.normal(size=(60, classes * rows)).astype(np.float32))
    label = released % classes
    with_label = sum(prior[label == c].max(initial=0) for c in range(classes))
    with_row = sum(prior[released == k].max(initial=0) for k in range(classes * rows))
    factor = mechanism.certificate().guessing_factor_given_label
    assert factor == rows
    assert with_row <= factor * with_label + 1e-9


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
def test_composition(sent, releases):
    total = Codebook(10).certificate().compose(**sent)
    assert total.bits == pytest.approx(releases * math.log2(10))
    assert total.guessing_factor == pytest.approx(10.0**releases)
    assert total.guessing_factor_given_label == 1.0


def test_composition_is_exact_for_two_codebooks_on_one_sample():
    """Both rows together: at most twice the bits, whatever the encoders."""
    generator = np.random.default_rng(1)
    first, second = (
        Codebook(3).release(generator.normal(size=(50, 3)).astype(np.float32)) for _ in range(2)
    )
    joint = np.zeros((50, 9))
    joint[np.arange(50), first * 3 + second] = 1 / 50
    total = Codebook(3).certificate().compose(repeats=2, obfnets=2)
    assert _mutual_information(joint) <= total.bits


def test_a_very_long_stream_overflows_to_no_bound_on_guessing():
    total = Codebook(10).certificate().compose(samples=10_000)
    assert math.isinf(total.guessing_factor)
    assert total.bits == pytest.approx(10_000 * math.log2(10))


def test_none_proves_nothing():
    certificate = NoMechanism().certificate()
    assert not certificate.certified
    assert math.isinf(certificate.compose(samples=3).bits)
    assert certificate.to_dict()["bits"] is None


@pytest.mark.parametrize("count", ["samples", "repeats", "obfnets"])
def test_composition_of_nothing_is_refused(count):
    with pytest.raises(SpecError, match=f"{count} >= 1"):
        Codebook(10).certificate().compose(**{count: 0})


@pytest.mark.parametrize(
    ("classes", "accuracy", "bits"), [(10, 0.99, 3.21), (29, 0.99, 4.73), (100, 0.99, 6.50)]
)
def test_least_bits_as_in_the_literature(classes, accuracy, bits):
    assert least_bits(classes, accuracy) == pytest.approx(bits, abs=0.01)


def test_least_bits_at_the_ends():
    assert least_bits(10, 1.0) == pytest.approx(math.log2(10))
    assert least_bits(10, 0.1) == 0
    with pytest.raises(SpecError):
        least_bits(1, 0.5)


def test_least_bits_is_a_bound_on_every_small_channel():
    """All 3-class channels on a grid: a classifier that is right needs that information."""
    rows = [row for row in itertools.product((0, 0.25, 0.5, 0.75, 1), repeat=3) if sum(row) == 1]
    for channel in itertools.product(rows, repeat=3):
        joint = np.array(channel) / 3
        accuracy = float(joint.max(axis=0).sum())
        assert least_bits(3, accuracy) <= _mutual_information(joint) + 1e-9
