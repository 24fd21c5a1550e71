"""Sign language in frames of recordings: which recording is known, and can be held out whole."""

import numpy as np
import pytest

from obfnet.data import asl, massey, split
from obfnet.errors import SpecError
from real_data import or_skip


@pytest.fixture(scope="module")
def frames():
    return or_skip(lambda: asl.load(every=100))


@pytest.fixture(scope="module")
def gestures():
    return or_skip(massey.load)


def test_every_class_has_its_four_recordings(frames):
    assert frames.samples.shape == (29 * 30, 3, 32, 32)
    for label in range(29):
        own = frames.attributes["session"][frames.labels == label]
        assert np.bincount(own).tolist() == [10, 10, 5, 5]


def test_neighbours_in_time_are_nearly_the_same_frame(frames):
    """What makes a random split easy, and a held-out recording hard."""
    hands = or_skip(lambda: asl.load(every=1500)).samples.reshape(29, 2, -1)
    close = or_skip(lambda: asl.load(every=1000)).samples.reshape(29, 3, -1)
    own = frames.samples.reshape(29, 30, -1)
    apart = np.abs(own[:, 1:9] - own[:, :8]).mean()
    assert apart < np.abs(hands[:, 1] - hands[:, 0]).mean()
    assert apart < np.abs(close[:, 1] - close[:, 0]).mean()


def test_a_session_is_on_one_side_only(frames):
    splits = asl.split_sessions(frames, 0)
    splits.check_groups(frames.groups)
    parts = [set(frames.groups[part]) for part in (splits.train, splits.validation, splits.test)]
    assert [len(part) for part in parts] == [2, 1, 1]
    assert len(np.unique(frames.labels[splits.test])) == 29
    with pytest.raises(Exception, match="share 4 groups"):
        split(frames, 0).check_groups(frames.groups)


def test_letters_are_larger(frames):
    letters = or_skip(lambda: asl.load_letters(every=200))
    assert letters.samples.shape == (24 * 5, 3, 64, 64)
    assert set(letters.classes) < set(frames.classes)
    assert "J" not in letters.classes  # it moves
    first = letters.samples[0].reshape(3, 32, 2, 32, 2).mean(axis=(2, 4))
    assert np.abs(first - frames.samples[0]).mean() < 0.05  # the same first frame of A


def test_gestures_have_signer_and_light(gestures):
    assert gestures.samples.shape == (2515, 3, 32, 32)
    assert len(gestures.classes) == 36
    assert {name: len(np.unique(each)) for name, each in gestures.attributes.items()} == {
        "signer": 5,
        "light": 5,
    }
    assert np.array_equal(gestures.groups, gestures.attributes["signer"])


def test_pixels_are_real_pictures(frames, gestures):
    for data in (frames, gestures):
        assert 0 <= data.samples.min() < 0.05
        assert 0.95 < data.samples.max() <= 1
        assert np.abs(np.diff(data.samples, axis=3)).mean() < 0.5 * data.samples.std()


@pytest.mark.parametrize("call", [lambda: asl.load(every=0), lambda: massey.load(side=4)])
def test_nonsense_is_refused(call):
    with pytest.raises(SpecError, match="expected"):
        call()
