import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from obfnet.data import slant


def stroke(lean: int) -> np.ndarray:
    """A straight stroke whose top is ``lean`` pixels right of its foot."""
    image = np.zeros((1, 9, 9), np.float32)
    for y in range(9):
        image[0, y, round(4 + lean * (4 - y) / 8)] = 1
    return image


def test_the_side_is_that_of_the_top_of_the_stroke():
    images = np.stack([stroke(lean) for lean in (-4, -2, 2, 4)])
    assert slant.side(images, np.zeros(4, np.int64)).tolist() == [0, 0, 1, 1]


def test_the_median_is_the_classes_own():
    images = np.stack([stroke(lean) for lean in (-4, -3, 2, 4)])
    assert slant.side(images, np.array([0, 0, 1, 1])).tolist() == [0, 1, 0, 1]


def test_an_image_without_ink_has_no_slant():
    assert slant.side(np.zeros((3, 1, 8, 8), np.float32), np.zeros(3, np.int64)).tolist() == [0] * 3


def test_brightness_does_not_matter():
    images = np.random.default_rng(0).random((50, 1, 8, 8), np.float32)
    labels = np.zeros(50, np.int64)
    np.testing.assert_array_equal(slant.side(images, labels), slant.side(images / 4, labels))


@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_the_label_says_nothing_about_it_and_the_image_does(real, name):
    dataset = real(name)
    side = dataset.attributes["slant"]
    for label in range(10):
        assert abs(side[dataset.labels == label].mean() - 0.5) < 0.01
    train, test = slice(0, 1200), slice(1200, 1700)
    probe = LogisticRegression(max_iter=200).fit(
        dataset.samples[train].reshape(1200, -1), side[train]
    )
    assert probe.score(dataset.samples[test].reshape(500, -1), side[test]) > 0.65
