import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from obfnet.data import thickness


def bar(width: int, height: int = 12) -> np.ndarray:
    image = np.zeros((1, 16, 16), np.float32)
    image[0, 2 : 2 + height, 4 : 4 + width] = 1
    return image


def test_wide_strokes_are_thick_however_long_or_dark():
    images = np.stack([bar(1), 0.5 * bar(2, 6), bar(3), 0.5 * bar(5, 12)])
    assert thickness.thick(images, np.zeros(4, np.int64)).tolist() == [0, 0, 1, 1]
    assert thickness.thick(images, np.array([0, 0, 1, 1])).tolist() == [0, 1, 0, 1]


def test_an_image_without_ink_has_no_thickness():
    assert thickness.thick(np.zeros((3, 1, 8, 8), np.float32), np.zeros(3, np.int64)).sum() == 0


@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_the_label_says_nothing_about_it_and_the_image_does(real, name):
    dataset = real(name)
    thick = dataset.attributes["thickness"]
    for label in range(10):
        assert abs(thick[dataset.labels == label].mean() - 0.5) < 0.01
    train, test = slice(0, 1200), slice(1200, 1700)
    probe = LogisticRegression(max_iter=200).fit(
        dataset.samples[train].reshape(1200, -1), thick[train]
    )
    assert probe.score(dataset.samples[test].reshape(500, -1), thick[test]) > 0.65
