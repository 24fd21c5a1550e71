import numpy as np

from obfnet.data import delivery


def clip(level: float, frames: int) -> np.ndarray:
    """``frames`` frames at ``level``, then padding."""
    sample = np.full((1, 20, 45), -1, np.float32)
    sample[0, 0, :frames] = level
    return sample


CLIPS = np.stack([clip(0.2, 10), clip(0.4, 40), clip(0.6, 20), clip(0.8, 30)])
ONE_CLASS, TWO_CLASSES = np.zeros(4, np.int64), np.array([0, 0, 1, 1])


def test_loudness_does_not_depend_on_length():
    assert delivery.loud(CLIPS, ONE_CLASS).tolist() == [0, 0, 1, 1]
    assert delivery.loud(CLIPS, TWO_CLASSES).tolist() == [0, 1, 0, 1]


def test_length_does_not_depend_on_loudness():
    assert delivery.long(CLIPS, ONE_CLASS).tolist() == [0, 1, 0, 1]


def test_a_pause_within_the_word_is_part_of_it():
    split = clip(0.5, 35)
    split[0, 0, 5:30] = -1
    assert delivery.long(np.stack([split, clip(0.5, 20)]), np.zeros(2, np.int64)).tolist() == [1, 0]


def test_silence_is_quiet_and_short():
    silent = np.stack([clip(-1, 45), clip(0.1, 5), clip(0.2, 6)])
    labels = np.zeros(3, np.int64)
    assert delivery.loud(silent, labels)[0] == delivery.long(silent, labels)[0] == 0


def test_of_real_clips_the_label_says_little_and_the_speaker_much(real):
    clips = real("fsd")
    speaker = clips.attributes["speaker"]
    for attribute in ("loudness", "duration"):
        values = clips.attributes[attribute]
        by_label = [values[clips.labels == label].mean() for label in range(10)]
        by_speaker = [values[speaker == one].mean() for one in range(6)]
        assert np.ptp(by_label) < 0.1
        assert np.ptp(by_speaker) > 0.5
