"""Every mechanism's two forms agree, and the exact one lets nothing else through."""

import numpy as np
import pytest
import torch

from obfnet.errors import ObfuscationFailedError, SpecError, UnknownNameError
from obfnet.mechanisms.bits import Bits
from obfnet.mechanisms.codebook import Codebook
from obfnet.mechanisms.entropy import normal, system
from obfnet.mechanisms.gaussian import Gaussian
from obfnet.mechanisms.mechanism import make
from obfnet.mechanisms.randomised_bits import RandomisedBits
from obfnet.mechanisms.randomised_codebook import RandomisedCodebook

LIMITED = [
    Codebook(6),
    RandomisedCodebook(6, 1.0),
    Bits(6),
    RandomisedBits(6, 0.2),
    Gaussian(6, 1.0, 0.5),
]
each = pytest.mark.parametrize("mechanism", LIMITED, ids=repr)


def _code(rows=4000, width=6, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32)


@each
@pytest.mark.parametrize(
    "code",
    [
        np.zeros((2, 5), np.float32),
        np.zeros(6, np.float32),
        np.full((1, 6), np.nan, np.float32),
        np.full((1, 6), np.inf, np.float32),
    ],
)
def test_anything_but_a_finite_code_is_refused(mechanism, code):
    with pytest.raises(ObfuscationFailedError):
        mechanism.release(code)


@each
def test_the_torch_form_carries_gradients(mechanism):
    code = torch.from_numpy(_code(8)).requires_grad_()
    mechanism.relax(code)[:, 0].sum().backward()
    assert code.grad.abs().sum() > 0
    assert code.grad.isfinite().all()


@each
def test_a_seed_repeats_and_the_system_does_not(mechanism):
    code = _code(200)
    one, again = (mechanism.release(code, np.random.default_rng(3).random) for _ in range(2))
    assert np.array_equal(one, again)
    random = mechanism.name in ("randomised-codebook", "randomised-bits", "gaussian")
    assert np.array_equal(mechanism.release(code), mechanism.release(code)) != random


@each
def test_what_is_released_holds_no_more_than_it_may(mechanism):
    released = mechanism.release(_code())
    if mechanism.name.endswith("codebook"):
        assert released.dtype == np.int64
        assert set(released) == set(range(6))
    elif mechanism.name.endswith("bits"):
        assert set(np.unique(released)) == {-1, 1}
    else:
        assert released.dtype == np.float32


@each
def test_privacy_changes_the_update_where_it_is_random(mechanism):
    """Switching the mechanism on moves the gradient: it is no decoration."""
    code = torch.from_numpy(_code(16))
    target = torch.randn(16, 6, generator=torch.Generator().manual_seed(1))

    def gradient(form):
        torch.manual_seed(0)
        leaf = code.clone().requires_grad_()
        ((form(leaf) - target) ** 2).sum().backward()
        return leaf.grad

    assert not torch.allclose(gradient(mechanism.relax), gradient(lambda free: free))


def test_codebook_releases_the_index_of_the_largest_value():
    code = np.array([[0.1, 3, 2], [5, -1, 4]], np.float32)
    assert Codebook(3).release(code).tolist() == [1, 0]


@pytest.mark.parametrize("mechanism", LIMITED[:2], ids=repr)
def test_codebooks_in_torch_are_log_probabilities(mechanism):
    soft = mechanism.relax(torch.from_numpy(_code(50)).double()).exp()
    assert torch.allclose(soft.sum(1), torch.ones(50, dtype=torch.double))
    sharp = mechanism.relax(torch.from_numpy(1e4 * _code(50)))
    assert (sharp.argmax(1).numpy() == Codebook(6).release(_code(50))).all()
    assert not sharp.isnan().any()


def test_bits_in_torch_are_exactly_the_signs():
    code = np.concatenate([_code(50), np.zeros((1, 6), np.float32)])
    assert np.array_equal(Bits(6).relax(torch.from_numpy(code)).numpy(), Bits(6).release(code))


@pytest.mark.parametrize("source", [system, np.random.default_rng(0).random])
def test_randomised_bits_flip_as_often_as_they_say(source):
    released = RandomisedBits(6, 0.2).release(_code(), source)
    flipped = (released != Bits(6).release(_code())).mean()
    assert flipped == pytest.approx(0.2, abs=0.015)  # 24,000 draws: over five deviations
    torch.manual_seed(0)
    relaxed = RandomisedBits(6, 0.2).relax(torch.from_numpy(_code())).numpy()
    assert (relaxed != Bits(6).release(_code())).mean() == pytest.approx(0.2, abs=0.015)


def test_a_randomised_codebook_keeps_as_often_as_it_says():
    mechanism = RandomisedCodebook(6, 1.0)
    right, released = Codebook(6).release(_code()), mechanism.release(_code())
    assert (right == released).mean() == pytest.approx(mechanism.keep, abs=0.04)
    steps = np.bincount((released - right) % 6, minlength=6)[1:] / 4000
    assert steps == pytest.approx(np.full(5, (1 - mechanism.keep) / 5), abs=0.03)


def test_gaussian_clips_and_adds_the_noise_it_says():
    mechanism = Gaussian(6, 1.0, 0.5)
    code = np.repeat(np.array([[3, 4, 0, 0, 0, 0]], np.float32), 20_000, axis=0)
    released = mechanism.release(code, np.random.default_rng(0).random)
    assert released.mean(0) == pytest.approx([0.6, 0.8, 0, 0, 0, 0], abs=0.02)
    assert released.std(0) == pytest.approx(np.full(6, 0.5), abs=0.02)
    short = np.full((20_000, 6), 0.1, np.float32)
    assert mechanism.release(short).mean() == pytest.approx(0.1, abs=0.01)
    torch.manual_seed(0)
    relaxed = mechanism.relax(torch.from_numpy(code)).numpy()
    assert relaxed.mean(0) == pytest.approx([0.6, 0.8, 0, 0, 0, 0], abs=0.02)


def test_the_systems_draws_are_uniform_and_normal():
    draws = system((100, 500))
    assert draws.shape == (100, 500)
    assert draws.min() >= 0
    assert draws.max() < 1
    assert np.histogram(draws, 10, (0, 1))[0] == pytest.approx(np.full(10, 5000), rel=0.08)
    noise = normal((50_000,), system)
    assert noise.mean() == pytest.approx(0, abs=0.03)
    assert noise.std() == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize(
    "make_wrong",
    [
        lambda: Codebook(1),
        lambda: Codebook(10, 0),
        lambda: Codebook(10, 3),
        lambda: Bits(0),
        lambda: RandomisedBits(0, 0.1),
        lambda: RandomisedBits(4, 0.0),
        lambda: RandomisedBits(4, 0.5),
        lambda: RandomisedCodebook(4, 0.0),
        lambda: RandomisedCodebook(1, 1.0),
        lambda: Gaussian(0, 1.0, 1.0),
        lambda: Gaussian(4, 0.0, 1.0),
        lambda: Gaussian(4, 1.0, float("inf")),
    ],
)
def test_arguments_must_make_sense(make_wrong):
    with pytest.raises(SpecError):
        make_wrong()


@each
def test_made_by_name(mechanism):
    from dataclasses import asdict

    assert make(mechanism.name, asdict(mechanism)) == mechanism


def test_an_unknown_name():
    with pytest.raises(UnknownNameError):
        make("magic", {})
