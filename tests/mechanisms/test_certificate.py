"""Certificates hold: against exact computation on small alphabets and the optimal attacker."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from obfnet.errors import SpecError
from obfnet.mechanisms.bits import Bits
from obfnet.mechanisms.certificate import least_bits
from obfnet.mechanisms.codebook import Codebook
from obfnet.mechanisms.entropy import choice
from obfnet.mechanisms.gaussian import Gaussian
from obfnet.mechanisms.none import NoMechanism
from obfnet.mechanisms.randomised_bits import RandomisedBits
from obfnet.mechanisms.randomised_codebook import RandomisedCodebook


def information(joint):
    """I(X; X') in bits of a joint distribution (x, x')."""
    outer = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    held = joint > 0
    return float((joint[held] * np.log2(joint[held] / outer[held])).sum())


def flips(bits, probability):
    """The exact channel of randomised signs: (2^B, 2^B) row-stochastic."""
    one = np.array([[1 - probability, probability], [probability, 1 - probability]])
    channel = np.ones((1, 1))
    for _ in range(bits):
        channel = np.kron(channel, one)
    return channel


def k_ary(mechanism):
    """The exact channel of a randomised codebook: (K, K) row-stochastic."""
    other = (1 - mechanism.keep) / (mechanism.codes - 1)
    return np.full((mechanism.codes,) * 2, other) + (mechanism.keep - other) * np.eye(
        mechanism.codes
    )


#: Mechanisms with their exact channel from code value to released value.
CHANNELS = [
    (Codebook(2), np.eye(2)),
    (Codebook(5), np.eye(5)),
    (Bits(3), np.eye(8)),
    (RandomisedBits(1, 0.1), flips(1, 0.1)),
    (RandomisedBits(3, 0.25), flips(3, 0.25)),
    (RandomisedCodebook(2, 0.5), k_ary(RandomisedCodebook(2, 0.5))),
    (RandomisedCodebook(6, 2.0), k_ary(RandomisedCodebook(6, 2.0))),
]
each = pytest.mark.parametrize(("mechanism", "channel"), CHANNELS, ids=lambda part: repr(part)[:40])


@each
@given(seed=st.integers(0, 10_000))
def test_any_prior_and_any_encoder_stay_below_the_bound(mechanism, channel, seed):
    """30 samples, a random prior, a random encoder: exact information and exact best guess."""
    generator = np.random.default_rng(seed)
    prior = generator.dirichlet(np.full(30, 0.3))
    joint = prior[:, None] * channel[generator.integers(0, len(channel), 30)]
    certificate = mechanism.certificate()
    assert information(joint) <= certificate.bits + 1e-9
    # The optimal attacker guesses the likeliest sample given what was released.
    assert joint.max(axis=0).sum() <= certificate.guessing_factor * prior.max() + 1e-9


@each
def test_the_bounds_are_reached(mechanism, channel):
    """Equally likely values, one sample each: nothing below the certificate would be true."""
    joint = channel / len(channel)
    certificate = mechanism.certificate()
    assert information(joint) == pytest.approx(certificate.bits)
    assert joint.max(axis=0).sum() * len(channel) == pytest.approx(certificate.guessing_factor)


@each
@pytest.mark.parametrize("releases", [2, 3])
def test_repeats_of_one_sample_stay_below_the_bound(mechanism, channel, releases):
    """All released values of one sample together, exactly."""
    together = channel
    for _ in range(releases - 1):
        together = np.einsum("xa,xb->xab", together, channel).reshape(len(channel), -1)
        if (channel == np.eye(len(channel))).all():  # deterministic: the same value again
            together = channel
    joint = together / len(channel)
    certificate = mechanism.certificate(releases)
    assert information(joint) <= certificate.bits + 1e-9
    assert joint.max(axis=0).sum() * len(channel) <= certificate.guessing_factor + 1e-9
    if certificate.epsilon is not None:
        ratio = together[:, None] / together[None]
        assert math.log(ratio.max()) <= certificate.epsilon + 1e-9


def test_epsilon_is_exact_for_one_release():
    for mechanism, channel in CHANNELS[3:]:
        greatest = math.log((channel[:, None] / channel[None]).max())
        assert greatest == pytest.approx(mechanism.certificate().epsilon)


def test_given_the_label_only_the_rows_of_its_class_remain():
    """Three rows a class, released exactly or at random: the factor over the label is three."""
    classes, rows = 4, 3
    generator = np.random.default_rng(0)
    prior = generator.dirichlet(np.full(60, 0.3))
    codes = generator.integers(0, classes * rows, 60)
    for mechanism in (
        Codebook(classes * rows, rows),
        RandomisedCodebook(classes * rows, 1.5, rows),
    ):
        exact = isinstance(mechanism, Codebook)
        channel = np.eye(classes * rows) if exact else k_ary(mechanism)
        joint = prior[:, None] * channel[codes]
        labelled = joint.reshape(60, rows, classes).sum(axis=1)  # row k stands for k % classes
        factor = mechanism.certificate().guessing_factor_given_label
        assert factor == rows
        assert joint.max(0).sum() <= factor * labelled.max(0).sum() + 1e-9


@pytest.mark.parametrize(("radius", "sigma"), [(1.0, 0.3), (1.0, 1.0), (2.0, 0.5)])
def test_gaussian_bounds_the_two_point_channel(radius, sigma):
    """One dimension, x at either end: exact information and the optimal attacker's success."""

    def density(z):
        return (norm.pdf(z, radius, sigma) + norm.pdf(z, -radius, sigma)) / 2

    span = radius + 10 * sigma
    entropy = quad(lambda z: -density(z) * math.log2(density(z)), -span, span, limit=200)[0]
    exact = entropy - math.log2(sigma * math.sqrt(2 * math.pi * math.e))
    certificate = Gaussian(1, radius, sigma).certificate()
    assert exact <= certificate.bits + 1e-6
    success = norm.cdf(radius / sigma)
    assert success <= certificate.guessing_factor * 0.5 + 1e-9
    # In one dimension the factor is 1 + 2 r / (sigma sqrt(2 pi)).
    known = 1 + 2 * radius / sigma / math.sqrt(2 * math.pi)
    assert certificate.guessing_factor == pytest.approx(known)


@pytest.mark.parametrize("releases", [1, 4])
@pytest.mark.parametrize("sigma", [0.5, 1.0])
def test_gaussian_bounds_the_optimal_attacker_in_many_dimensions(sigma, releases):
    """100 candidates on a sphere, maximum likelihood, 4,000 simulated releases."""
    generator = np.random.default_rng(0)
    mechanism = Gaussian(4, 1.0, sigma)
    candidates = generator.normal(size=(100, 4))
    candidates /= np.linalg.norm(candidates, axis=1, keepdims=True)
    truth = generator.integers(0, 100, 4000)
    seen = np.mean(
        [
            mechanism.release(candidates[truth].astype(np.float32), generator.random)
            for _ in range(releases)
        ],
        axis=0,
    )
    guess = ((seen[:, None] - candidates) ** 2).sum(-1).argmin(1)
    success = (guess == truth).mean()
    bound = mechanism.certificate(releases).guessing_factor / 100
    assert 0.01 < success <= bound


def test_gaussian_figures_of_the_literature():
    """k = 8: sigma .5 and .35 give 2.34 and 4.06 bits; 16 at .25 gives 8.0."""
    for size, sigma, bits in ((8, 0.5, 2.34), (8, 0.35, 3.0), (16, 0.25, 8.0)):
        found = Gaussian(size, 1.0, sigma).certificate().bits
        assert found == pytest.approx(size / 2 * math.log2(1 + 1 / (size * sigma**2)))
        if sigma != 0.35:
            assert found == pytest.approx(bits, abs=0.01)


def test_very_many_releases_do_not_overflow():
    for mechanism, _ in CHANNELS:
        assert mechanism.certificate(10_000).bits <= mechanism.certificate().bits * 10_000
    assert math.isinf(Gaussian(64, 100.0, 1e-4).certificate().guessing_factor)
    assert Bits(4096).certificate().guessing_factor < math.inf


def test_none_proves_nothing():
    certificate = NoMechanism().certificate()
    assert not certificate.certified
    assert certificate.to_dict()["bits"] is None


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
        assert least_bits(3, accuracy) <= information(joint) + 1e-9


def _released(codes, exemplars, releases, drawn):
    """p(codes and exemplars of all releases | x), ``(x, K^r * E^r)``; ``drawn(x)`` is ``(E,)``."""
    rows = []
    for value, code in enumerate(codes):
        once = np.zeros((max(codes) + 1, exemplars))
        once[code] = drawn(value)
        channel = np.ones(1)
        for _ in range(releases):
            channel = np.kron(channel, once.ravel())
        rows.append(channel)
    return np.array(rows)


@pytest.mark.parametrize("releases", [1, 3])
def test_exemplars_drawn_at_random_tell_nothing_more(releases):
    """Four exemplars: 12 values of x' in place of 3, and not a bit more, repeats included."""
    codes, prior = [0, 1, 2, 0, 1, 2, 0, 1], np.random.default_rng(0).dirichlet(np.ones(8))
    plain = _released(codes, 1, 1, lambda _: np.ones(1))
    fresh = _released(codes, 4, releases, lambda _: np.full(4, 1 / 4))
    assert information(prior[:, None] * fresh) == pytest.approx(information(prior[:, None] * plain))
    assert information(prior[:, None] * fresh) <= Codebook(3).certificate().bits
    # The best guess of x itself, and of any bit of it, gains nothing from the exemplar either.
    for secret in (np.eye(8), np.eye(2)[np.arange(8) % 2]):
        gains = [((prior[:, None] * secret).T @ seen).max(0).sum() for seen in (fresh, plain)]
        assert gains[0] == pytest.approx(gains[1])


def test_exemplars_chosen_by_the_sample_would_break_the_certificate():
    """Why the runtime draws them, and pins none: here the choice tells x in full."""
    codes = [0, 1, 2, 0, 1, 2]
    chosen = _released(codes, 2, 1, lambda value: np.eye(2)[value // 3])
    assert information(chosen / 6) == pytest.approx(math.log2(6))
    assert information(chosen / 6) > Codebook(3).certificate().bits


def test_a_choice_is_even_and_never_beyond_the_last():
    top = np.nextafter(1, 0)
    for options in (2, 3, 7, 8, 9, 1000, 2**20 + 1):
        assert choice(2, options, lambda shape: np.full(shape, top)).tolist() == [options - 1] * 2
    steps = np.arange(700) / 700 + 1e-6
    assert np.bincount(choice(700, 7, lambda shape: steps)).tolist() == [100] * 7
    assert choice(3, 1).tolist() == [0, 0, 0]
