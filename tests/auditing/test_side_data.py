"""Attackers with few pairs, or with none, get exactly that."""

from dataclasses import replace

import numpy as np
import pytest

from obfnet.auditing.attacks import side_data
from obfnet.auditing.attacks.label_only import LabelOnly
from obfnet.auditing.attacks.side_data import (
    Colours,
    HundredPairs,
    OnePair,
    Shifted,
    Strokes,
    TenPairs,
    ThousandPairs,
)
from obfnet.auditing.evidence import collect
from obfnet.auditing.subject import Subject, raw
from obfnet.errors import NotMeasurableError

FEW = {1: OnePair, 10: TenPairs, 100: HundredPairs, 1000: ThousandPairs}


@pytest.fixture(scope="module")
def effort(tiny):
    return replace(tiny, pairs=1_200, mixtures=1_200, evaluated=180, steps=40)


@pytest.fixture(scope="module")
def plain(infnet, digits, splits, effort):
    return collect(raw(), infnet, digits, splits, effort)


@pytest.fixture(scope="module")
def recorded(infnet, digits, splits, effort):
    negative = Subject("negative", lambda x: 1 - x, queries=False)
    return collect(negative, infnet, digits, splits, effort)


def contents(pairs):
    return {sample.tobytes() for sample in pairs.originals}


@pytest.mark.parametrize("count", FEW)
def test_no_more_real_samples_than_named_are_used(plain, count):
    known = plain.known
    restricted = FEW[count]().restrict(known, 5)
    everything = contents(restricted.train) | contents(restricted.validation)
    real = contents(known.train)
    assert len(everything & real) <= count
    if count > 1:  # else all there is to choose by is the sample itself, moved about
        assert not contents(restricted.train) & contents(restricted.validation)
    assert not everything & contents(known.validation)
    assert len(restricted.train) + len(restricted.made) >= known.effort.mixtures - count


@pytest.mark.parametrize("count", FEW)
def test_recorded_pairs_are_all_there_is(recorded, count):
    restricted = FEW[count]().restrict(recorded.known, 5)
    assert len(contents(restricted.train) | contents(restricted.validation)) == count
    assert len(restricted.made) == 0
    result = FEW[count]()(recorded, 0)
    assert np.isfinite(result.errors).all()


def test_seeds_choose_other_pairs(plain):
    first, second = (contents(TenPairs().restrict(plain.known, seed).train) for seed in (0, 1))
    assert first != second


def test_more_pairs_leak_more(recorded):
    """Without queries, a negative is inverted the better the more pairs were recorded."""
    errors = [FEW[count]()(recorded, 0).errors.mean() for count in FEW]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.5 * errors[0]


def test_an_attacker_with_fewer_pairs_is_refused(plain):
    few = replace(plain.known, train=plain.known.train.take(np.arange(50)))
    with pytest.raises(NotMeasurableError, match="50 pairs"):
        HundredPairs()(replace(plain, known=few), 0)


def test_strokes_alone_undo_what_is_linear(plain):
    floor, found = LabelOnly()(plain, 0), Strokes()(plain, 0)
    assert found.errors.mean() < 0.1 * floor.errors.mean()


def test_colours_alone_tell_the_level_and_no_more(plain):
    found = Colours()(plain, 0)
    originals = plain.evaluation.originals
    constant = np.full_like(originals, originals.mean())
    assert found.errors.mean() < 1.5 * ((originals - constant) ** 2).mean()
    assert found.errors.mean() > 0.3 * ((originals - constant) ** 2).mean()


@pytest.mark.parametrize("attack", [Colours, Strokes])
def test_who_draws_never_holds_a_real_sample(plain, attack):
    restricted = attack().restrict(plain.known, 0)
    held = contents(restricted.train) | contents(restricted.validation)
    assert not held & (contents(plain.known.train) | contents(plain.known.validation))
    assert not contents(restricted.train) & contents(restricted.validation)


@pytest.mark.parametrize("attack", [Colours, Strokes])
def test_who_draws_must_send(recorded, attack):
    with pytest.raises(NotMeasurableError, match="needs queries"):
        attack()(recorded, 0)


def test_the_decoder_is_one_name_to_switch(plain, monkeypatch):
    monkeypatch.setattr(side_data, "DECODER", LabelOnly)
    result = ThousandPairs()(plain, 0)
    # Class means of some samples and mixtures: the floor, nearly.
    assert result.errors.mean() == pytest.approx(LabelOnly()(plain, 0).errors.mean(), rel=0.3)


def test_half_of_the_classes_is_never_seen(plain):
    restricted = Shifted().restrict(plain.known, 5)
    seen = set(restricted.train.answers)
    assert len(seen) == 5
    assert set(restricted.validation.answers) <= seen
    assert contents(restricted.train) < contents(plain.known.train)
    assert len(restricted.train) + len(restricted.made) == plain.known.effort.mixtures


def test_an_inverse_carries_over_to_classes_that_were_never_seen(plain):
    found, floor = Shifted()(plain, 0), LabelOnly()(plain, 0)
    assert found.errors.mean() < 0.5 * floor.errors.mean()


def test_one_class_has_no_half(plain):
    known = plain.known
    one = replace(known.train, answers=np.zeros_like(known.train.answers))
    with pytest.raises(NotMeasurableError, match="1 answers occur"):
        Shifted().restrict(replace(known, train=one), 5)
