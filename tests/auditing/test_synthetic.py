"""Samples of an attacker's own making look like samples, and differ."""

import numpy as np
import pytest

from obfnet.auditing.synthetic import colours, strokes, variants
from obfnet.specs import SampleSpec

SHAPES = [
    ((1, 28, 28), "image"),
    ((3, 32, 32), "photo"),
    ((1, 20, 45), "mfcc"),
    ((8, 8), "image"),
    ((30,), "plain"),
    ((2, 3, 4, 5), "plain"),
    ((3, 100, 70), "photo"),
]


@pytest.mark.parametrize(("shape", "kind"), SHAPES)
@pytest.mark.parametrize("draw", [colours, strokes])
def test_they_fit_the_spec_and_the_seed_fixes_them(shape, kind, draw):
    spec = SampleSpec(shape, -1.0, 2.0)
    drawn = draw(spec, kind, 20, 0)
    assert len(spec.check(drawn)) == 20
    assert len(np.unique(drawn.reshape(20, -1), axis=0)) == 20
    assert np.array_equal(drawn, draw(spec, kind, 20, 0))
    assert not np.array_equal(drawn, draw(spec, kind, 20, 1))


def test_a_colour_is_one_level_in_each_channel():
    drawn = colours(SampleSpec((3, 8, 8), 0.0, 1.0), "photo", 50, 0)
    assert np.ptp(drawn, axis=(2, 3)).max() == 0
    assert np.ptp(drawn, axis=(0, 1, 2)).min() > 0.9


def test_strokes_use_the_whole_range_and_no_two_values_move_together():
    spec = SampleSpec((1, 12, 12), 0.0, 1.0)
    drawn = strokes(spec, "image", 2000, 0).reshape(2000, -1)
    assert drawn.min() == 0
    assert drawn.max() == 1
    # Full rank: a linear map can be read off them.
    assert np.linalg.matrix_rank(drawn - drawn.mean(axis=0)) == spec.size


def test_variants_of_one_sample_are_that_sample_elsewhere():
    sample = np.zeros((1, 1, 8, 8), np.float32)
    sample[0, 0, 4, 4] = 1
    made = variants(sample, 40, 0)
    assert np.array_equal(made[1::2], np.repeat(sample, 20, axis=0))
    assert np.allclose(made.sum(axis=(1, 2, 3)), 1)
    assert len(np.unique(made.reshape(40, -1), axis=0)) > 10


def test_no_variants_and_no_drawings_are_possible():
    assert variants(np.ones((1, 8, 8), np.float32), 0, 0).shape == (0, 8, 8)
    assert strokes(SampleSpec((1, 8, 8), 0.0, 1.0), "image", 0, 0).shape == (0, 1, 8, 8)
