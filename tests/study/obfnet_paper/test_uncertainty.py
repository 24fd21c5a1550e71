"""An interval grows with what is drawn: seeds, samples, and recordings that hang together."""

from dataclasses import replace

import numpy as np
import pytest

from obfnet.auditing.intervals import of_fraction
from obfnet.study.forged import over_seeds
from obfnet.study.obfnet_paper.digits import SETTING
from obfnet.study.obfnet_paper.place import Place
from obfnet.study.obfnet_paper.uncertainty import interval
from obfnet.study.unexamined import TINY


@pytest.fixture
def place(digits, splits, infnet, tmp_path):
    return Place(SETTING, digits, splits, infnet, TINY, 0, tmp_path, "run", quick=True)


@pytest.fixture
def right(splits):
    """Three ObfNets that are right about nine in ten, each in its own way."""
    return np.random.default_rng(0).random((3, len(splits.test))) < 0.9


def width(found):
    return found[1] - found[0]


def test_one_seed_has_the_interval_of_its_samples(place, right):
    alone = right[:1]
    assert interval(place, alone) == pytest.approx(of_fraction(int(alone.sum()), alone.size))


def test_several_seeds_have_more_than_either_part(place, right):
    found = interval(place, right)
    samples = of_fraction(right.mean() * right.shape[1], right.shape[1])
    seeds = over_seeds(right.mean(axis=1))
    assert found[0] < right.mean() < found[1]
    assert max(width(samples), width(seeds)) < width(found) < width(samples) + width(seeds)


def test_seeds_that_agree_still_have_a_test_set(place, right):
    same = np.repeat(right[:1], 5, axis=0)
    assert interval(place, same) == pytest.approx(interval(place, right[:1]))


def test_frames_of_one_recording_count_once(place):
    alone = replace(place.data, groups=np.zeros(len(place.data), np.int64))
    together = replace(place, data=alone, setting=replace(SETTING, recordings=True))
    held = place.data.take(place.splits.test)
    wrong = held.labels < 2  # two recordings in ten are lost, each as a whole
    frames, recordings = (interval(each, ~wrong[None]) for each in (place, together))
    assert width(recordings) > 2 * width(frames)
    assert recordings[0] < 0.7 < 0.9 < recordings[1]
