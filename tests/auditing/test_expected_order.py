"""Leakage falls in the order anyone would expect, on transforms that people use."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from obfnet.auditing.audit import audit_all
from obfnet.auditing.subject import Subject
from obfnet.specs import SampleSpec
from obfnet.study import transforms

SUBJECTS = {
    "identity": transforms.identity,
    "projection": transforms.random_projection(64, seed=0),
    "projection to 8": transforms.random_projection(64, seed=0, kept=8),
    "blur .5": transforms.gaussian_blur(0.5),
    "blur 3": transforms.gaussian_blur(3),
    "pixelation 2": transforms.pixelation(2),
    "pixelation 4": transforms.pixelation(4),
    "downscaling 2": transforms.downscaling(2),
    "downscaling 4": transforms.downscaling(4),
    "gaussian .1": transforms.gaussian_noise(0.1, seed=0),
    "gaussian 1": transforms.gaussian_noise(1, seed=0),
    "laplace .1": transforms.laplace_noise(0.1, seed=0),
    "laplace 1": transforms.laplace_noise(1, seed=0),
}


@pytest.fixture(scope="module")
def leakage(infnet, digits, splits, tiny, audit_folder):
    """By subject; what is linear needs hardly any steps, for the attack starts from ridge."""
    few = replace(tiny, steps=60, probes=())
    subjects = [Subject(name, transform) for name, transform in SUBJECTS.items()]
    reports = audit_all(subjects, infnet, digits, splits, 0, few, audit_folder, processes=1)
    return {report.subject.name: report.leakage.value for report in reports}


def test_what_can_be_undone_protects_nothing(leakage):
    assert leakage["identity"] > 0.99
    assert leakage["projection"] > 0.97
    assert leakage["projection"] <= leakage["identity"] + 0.01


@pytest.mark.parametrize(
    "falling",
    [
        ("blur .5", "blur 3"),
        ("identity", "pixelation 2", "pixelation 4"),
        ("identity", "downscaling 2", "downscaling 4"),
        ("identity", "gaussian .1", "gaussian 1"),
        ("identity", "laplace .1", "laplace 1"),
        ("projection", "projection to 8"),
    ],
)
def test_more_of_it_leaks_less(leakage, falling):
    values = [leakage[name] for name in falling]
    assert all(more > less + 0.05 for more, less in pairwise(values))


def test_blur_in_exact_numbers_hides_little(leakage):
    """Three of eight pixels wide, no person reads it; without rounding it can nearly be undone."""
    assert leakage["blur 3"] > 0.5


def test_a_mean_of_blocks_is_what_pixelation_and_downscaling_keep(leakage):
    """Both pass on the same 16 values: what they look like to a person changes little."""
    assert leakage["pixelation 2"] == pytest.approx(leakage["downscaling 2"], abs=0.05)


@pytest.mark.parametrize("shape", [(3, 1, 20, 45), (2, 3, 32, 32), (5, 1, 8, 8)])
def test_every_alternative_keeps_shape_and_dtype(shape):
    samples = np.random.default_rng(0).random(shape, dtype=np.float32)
    before = samples.copy()
    for subject in transforms.alternatives(SampleSpec(shape[1:], 0, 1), seed=0):
        released = subject.transform(samples)
        assert (released.shape, released.dtype) == (shape, np.float32), subject.name
        assert np.array_equal(samples, before), subject.name
    blocks = transforms.pixelation(4)(samples[..., :8, :8])
    assert np.allclose(blocks[..., :4, :4], samples[..., :4, :4].mean((-1, -2), keepdims=True))
