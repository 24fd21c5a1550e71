import numpy as np

from obfnet import data


def test_digits_are_the_real_ones(real):
    digits = real("digits")
    assert digits.samples.shape == (1797, 1, 8, 8)
    assert (digits.samples.min(), digits.samples.max()) == (0, 1)
    assert np.bincount(digits.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_found_by_name_through_the_registry():
    assert "digits" in data.load("digits").name
