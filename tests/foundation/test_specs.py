"""A sample spec says exactly what does not fit."""

import numpy as np
import pytest

from obfnet.errors import SampleRejectedError, SpecError
from obfnet.specs import SampleSpec

SPEC = SampleSpec((1, 2, 2), 0.0, 1.0)


def test_a_good_batch_comes_back_as_it_is():
    batch = np.ones((3, 1, 2, 2), np.float32)
    assert SPEC.check(batch) is batch
    assert SPEC.size == 4


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (np.ones((3, 1, 2, 2)), "float64, expected float32"),
        (np.ones((1, 2, 2), np.float32), r"expected \(n, 1, 2, 2\)"),
        (np.ones((3, 1, 2, 3), np.float32), r"shape \(3, 1, 2, 3\)"),
        (np.full((1, 1, 2, 2), np.nan, np.float32), "NaN"),
        (np.full((1, 1, 2, 2), np.inf, np.float32), "infinity"),
        (np.full((1, 1, 2, 2), 255, np.float32), r"span \[255, 255\]"),
        (np.full((1, 1, 2, 2), -0.1, np.float32), "scale them"),
    ],
)
def test_what_does_not_fit_is_named(batch, message):
    with pytest.raises(SampleRejectedError, match=message):
        SPEC.check(batch)


@pytest.mark.parametrize("arguments", [((), 0, 1), ((0, 2), 0, 1), ((2,), 1, 1)])
def test_a_spec_must_make_sense(arguments):
    with pytest.raises(SpecError):
        SampleSpec(*arguments)
