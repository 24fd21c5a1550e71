"""Imagenette comes in parts that fit in memory, and knows its place in ImageNet."""

import numpy as np
import pytest

from obfnet.data import imagenette
from obfnet.errors import SpecError
from real_data import or_skip


@pytest.fixture(scope="module")
def pictures():
    return or_skip(lambda: imagenette.load(train=2, test=3))


def test_so_many_of_each_class_training_first(pictures):
    assert pictures.samples.shape == (50, 3, 128, 128)
    assert np.array_equal(pictures.official_test, np.arange(50) >= 20)
    assert (np.bincount(pictures.labels[:20]) == 2).all()
    assert (np.bincount(pictures.labels[20:]) == 3).all()


def test_pixels_are_real_pictures(pictures):
    assert pictures.samples.min() == 0
    assert pictures.samples.max() == 1
    assert pictures.samples.std(axis=(1, 2, 3)).min() > 0.01
    neighbours = np.abs(np.diff(pictures.samples, axis=3)).mean()
    assert neighbours < 0.5 * pictures.samples.std()  # unlike noise


def test_ten_different_classes_of_imagenet():
    assert len(set(imagenette.IMAGENET)) == len(imagenette.CLASSES) == 10


@pytest.mark.parametrize("counts", [{"train": 0}, {"test": 0}])
def test_empty_parts_are_refused(counts):
    with pytest.raises(SpecError, match="train >= 1"):
        imagenette.load(**counts)
