import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from obfnet.data import mfcc
from obfnet.data.fsd_recordings import recordings, waveform
from obfnet.errors import SpecError

pytest.importorskip("librosa", reason="needs the audio extra")


@pytest.fixture(scope="module")
def clips(or_skip) -> list[np.ndarray]:
    """Ten real clips, one for each digit."""
    found = or_skip(recordings)
    return [waveform(found[f"{digit}_theo_7.wav"]) for digit in range(10)]


@given(st.integers(0, 2**31))
def test_scaling_goes_there_and_back(seed):
    samples = np.random.default_rng(seed).uniform(-1, 1, (2, 1, 20, 45)).astype(np.float32)
    np.testing.assert_allclose(mfcc.scale(mfcc.unscale(samples)), samples, atol=1e-5)


def test_scaling_clips_what_is_outside():
    wild = np.full((1, 20, 45), 1e4, np.float32)
    assert mfcc.scale(wild).max() == 1
    assert mfcc.scale(-wild).min() == -1


def test_clips_are_padded_or_cut_to_one_length():
    short, long = np.ones(10, np.float32), np.ones(20_000, np.float32)
    assert mfcc.unify(short).tolist() == [1] * 10 + [0] * (mfcc.LENGTH - 10)
    assert len(mfcc.unify(long)) == mfcc.LENGTH
    with pytest.raises(SpecError, match="mono"):
        mfcc.unify(np.ones((2, 10)))


def test_a_sample_does_not_depend_on_the_others(clips):
    together = mfcc.features(clips)
    assert together.shape == (10, 1, 20, 45)
    assert together.dtype == np.float32
    assert together.min() >= -1
    assert together.max() <= 1
    np.testing.assert_allclose(mfcc.features(clips[3:4]), together[3:4], atol=1e-6)


def test_the_inverse_sounds_like_the_original(clips):
    samples = mfcc.features(clips)
    sound = mfcc.audio(samples)
    assert sound.shape == (10, mfcc.LENGTH)
    assert sound.dtype == np.float32
    np.testing.assert_array_equal(sound[:1], mfcc.audio(samples[:1]))
    again = mfcc.features(sound)
    for one, other, wrong in zip(samples, again, np.roll(again, 1, axis=0), strict=True):
        right = np.corrcoef(one.ravel(), other.ravel())[0, 1]
        assert right > 0.93
        assert right > np.corrcoef(one.ravel(), wrong.ravel())[0, 1]
