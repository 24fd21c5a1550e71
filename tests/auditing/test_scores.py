"""Scores are what their papers say, are 0 only for the same sample, and can be trained on."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate
from skimage.metrics import structural_similarity

from obfnet.auditing.pyramid import BANDS, FILTER, REST
from obfnet.auditing.scores import SCORES, SMOOTH, psnr
from obfnet.specs import SampleSpec

SHAPES = [(1, 8, 8), (1, 28, 28), (3, 32, 32), (1, 20, 45), (8, 8), (1, 7, 5), (30,), (2, 3)]


def _pair(shape, low=0.0, high=1.0, noise=0.2, count=6):
    """Samples with smooth structure, and a distorted copy."""
    generator = np.random.default_rng(0)
    plain = np.cumsum(generator.random((count, *shape), np.float32) - 0.5, axis=-1)
    plain = (plain - plain.min()) / (plain.max() - plain.min())
    other = np.clip(plain + noise * generator.standard_normal(plain.shape), 0, 1)
    return [(low + (high - low) * each).astype(np.float32) for each in (plain, other)]


@pytest.mark.parametrize(
    ("shape", "low", "high", "window"),
    [
        ((1, 28, 28), 0, 1, 7),
        ((1, 8, 8), 0, 16, 3),
        ((3, 32, 32), 0, 1, 7),
        ((1, 20, 45), -1, 1, 7),
    ],
)
def test_ssim_is_scikit_images(shape, low, high, window):
    plain, other = _pair(shape, low, high)
    found = SCORES["ssim"](plain, other, SampleSpec(shape, low, high))
    expected = [
        structural_similarity(
            one - low, two - low, win_size=window, data_range=high - low, channel_axis=0
        )
        for one, two in zip(plain, other, strict=True)
    ]
    assert found == pytest.approx(1 - np.array(expected), abs=1e-5)


def _laparra(picture):
    """The bands of one picture of even sides, by convolutions as in the authors' program."""
    low_pass, bands = np.outer(FILTER, FILTER), []
    count = int(math.log2(min(picture.shape))) - 1
    for band in BANDS[:count]:
        small = correlate(picture, low_pass, mode="reflect")[::2, ::2]
        spread = np.zeros([2 * side + 4 for side in small.shape])
        spread[::2, ::2] = 4 * np.pad(small, 1, mode="edge")
        up = correlate(spread, low_pass, mode="constant")[2:-2, 2:-2]
        bands.append((picture - up, band))
        picture = small
    found = []
    for values, band in [*bands, (picture, REST)]:
        weights = [[0, band.above, 0], [band.left, 0, band.right], [0, band.below, 0]]
        found.append(
            values / (band.still + correlate(abs(values), np.array(weights), mode="constant"))
        )
    return found


def test_the_pyramid_is_the_papers():
    plain, other = _pair((1, 32, 32))
    found = SCORES["pyramid"](plain, other, SampleSpec((1, 32, 32), 0, 1))
    for one, two, distance in zip(plain[:, 0], other[:, 0], found, strict=True):
        bands = zip(_laparra(one.astype(float)), _laparra(two.astype(float)), strict=True)
        expected = np.mean([np.sqrt(((x - y) ** 2).mean()) for x, y in bands])
        assert distance == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", SCORES)
def test_the_same_sample_is_at_no_distance_and_noise_adds_to_it(name, shape):
    spec, score = SampleSpec(shape, -1, 1), SCORES[name]
    plain, little = _pair(shape, -1, 1, noise=0.05)
    _, much = _pair(shape, -1, 1, noise=0.5)
    assert score(plain, plain, spec) == pytest.approx(0, abs=1e-6)
    assert 0 < score(plain, little, spec).mean() < score(plain, much, spec).mean()


@pytest.mark.parametrize("name", SCORES)
def test_units_do_not_matter_but_for_squared_error(name):
    """Samples in [0, 255] or in [-1, 1] are the same picture."""
    shape, found = (1, 28, 28), []
    for low, high in ((0, 1), (0, 255), (-1, 1)):
        found.append(SCORES[name](*_pair(shape, low, high), SampleSpec(shape, low, high)).mean())
    scale = 255**2 if name == "mse" else 1
    assert found[1] == pytest.approx(scale * found[0], rel=1e-3)


@pytest.mark.parametrize("name", SCORES)
def test_an_attacker_can_train_on_it(name):
    """From grey, gradient steps come nearer; at the goal no slope is NaN."""
    plain, _ = _pair((1, 8, 8))
    spec, wanted = SampleSpec((1, 8, 8), 0, 1), torch.from_numpy(plain)
    guess = torch.full_like(wanted, 0.5, requires_grad=True)
    optimiser = torch.optim.Adam([guess], 0.02)
    first = SMOOTH[name](wanted, guess, spec).mean()
    for _ in range(60):
        optimiser.zero_grad()
        SMOOTH[name](wanted, guess, spec).mean().backward()
        optimiser.step()
    assert SMOOTH[name](wanted, guess, spec).mean() < 0.3 * first
    there = wanted.clone().requires_grad_()
    SMOOTH[name](wanted, there, spec).sum().backward()
    assert torch.isfinite(there.grad).all()


@pytest.mark.parametrize("name", SCORES)
def test_both_forms_are_the_same(name):
    plain, other = _pair((3, 16, 16), count=400)  # several batches
    spec = SampleSpec((3, 16, 16), 0, 1)
    smooth = SMOOTH[name](torch.from_numpy(plain), torch.from_numpy(other), spec)
    assert SCORES[name](plain, other, spec) == pytest.approx(smooth.numpy(), abs=1e-5)


def test_psnr_uses_the_width_of_the_value_range():
    assert psnr(0.0529, SampleSpec((1, 28, 28), 0, 1)) == pytest.approx(12.76, abs=0.01)
    assert psnr(4 * 0.0529, SampleSpec((1, 28, 28), -1, 1)) == pytest.approx(12.76, abs=0.01)
    assert psnr(0, SampleSpec((1,), 0, 1)) == math.inf
