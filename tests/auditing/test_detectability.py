"""Detectors tell what differs, are a coin where nothing does, and are judged on unseen samples."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from obfnet.auditing.detectability import detectability as measure
from obfnet.auditing.evidence import collect
from obfnet.auditing.examinations.detectability import examine
from obfnet.auditing.ranking import auc, auc_interval, auc_interval_apart
from obfnet.auditing.subject import Subject, raw
from obfnet.errors import NotMeasurableError
from obfnet.forging.decoy import decoy_rows
from obfnet.forging.loop import Schedule

QUICK = Schedule(epochs=4, batch=64, rate=3e-3)


def detectability(transform, data, splits, seed):
    return measure(transform, data, splits, seed, most_train=500, schedule=QUICK)


def of(found, name):
    (tried,) = (tried for tried in found.each if tried.detector == name)
    return tried


def test_raw_samples_are_a_coin(digits, splits):
    found = detectability(lambda x: x, digits, splits, 0)
    assert found.auc == 0.5
    assert [tried.auc for tried in found.each] == [0.5, 0.5]


def test_samples_of_the_same_kind_are_nearly_a_coin(digits, splits):
    """Other raw samples, never the same twice: nothing to see and nothing to remember."""
    generator = np.random.default_rng(0)

    def other(samples):
        known = digits.samples[generator.integers(0, len(digits), len(samples))]
        return known + np.float32(1e-3) * generator.random(samples.shape, np.float32) * (known > 0)

    found = detectability(other, digits, splits, 0)
    assert of(found, "memory").auc == pytest.approx(0.5, abs=0.02)


def test_noise_is_seen(digits, splits):
    generator = np.random.default_rng(0)
    found = detectability(lambda x: generator.random(x.shape, np.float32), digits, splits, 0)
    assert found.detector == "net"
    assert found.auc > 0.99
    assert found.auc_ci[0] <= found.auc <= found.auc_ci[1]
    assert of(found, "memory").auc == 0.5  # never the same twice


def test_a_codebook_repeats_itself(codebook, digits, splits):
    found = detectability(codebook, digits, splits, 0)
    assert found.auc > 0.999
    assert of(found, "memory").auc > 0.999


def test_decoys_look_natural_and_are_remembered(infnet, digits, splits):
    """Natural samples fool the net, not who has seen them before."""
    pool = digits.samples[splits.validation]
    table = decoy_rows(infnet, digits.spec, 10, 0, 4, pool=pool).rows.numpy()
    generator = np.random.default_rng(0)

    def release(samples):
        return table[infnet.predict(samples), generator.integers(0, 4, len(samples))]

    # The attacker's samples without the pool itself.
    apart = replace(splits, attacker_validation=splits.test[:90], evaluation=splits.test[90:])
    found = detectability(release, digits, apart, 0)
    assert found.detector == "memory"
    assert found.auc > 0.99
    assert of(found, "net").auc < 1


def test_the_same_seed_gives_the_same_answer(codebook, digits, splits):
    one, again = (detectability(codebook, digits, splits, 3) for _ in range(2))
    assert one == again


def test_evaluation_samples_choose_nothing(digits, splits):
    """Detectors and their validation figures are the same whatever is evaluated."""
    samples = digits.samples.copy()
    samples[splits.evaluation] = 0.5
    garbled = replace(digits, samples=samples)
    one, other = (
        detectability(lambda x: x[..., ::-1], data, splits, 0) for data in (digits, garbled)
    )
    assert [t.validation_auc for t in one.each] == [t.validation_auc for t in other.each]
    assert one.auc != other.auc


def test_samples_without_axes(digits, splits):
    flat = replace(
        digits,
        samples=digits.samples.reshape(-1, 64),
        spec=replace(digits.spec, shape=(64,)),
        kind="plain",
    )
    assert detectability(lambda x: 1 - x, flat, splits, 0).auc > 0.99


def test_what_cannot_be_measured_is_an_error(digits, splits):
    with pytest.raises(NotMeasurableError, match="NaN"):
        detectability(lambda x: x * np.float32(np.nan), digits, splits, 0)


def test_as_an_examination(infnet, digits, splits, tiny):
    plain = collect(raw(), infnet, digits, splits, tiny)
    turned = collect(Subject("turned", lambda x: 1 - x), infnet, digits, splits, tiny)
    best, *each = examine(turned, plain, 0).measures
    assert best.value == max(one.value for one in each) > 0.99
    assert {one.value for one in examine(plain, plain, 0).measures} == {0.5}


@pytest.mark.parametrize("levels", [3, 1000])
def test_the_area_is_sklearns(levels):
    generator = np.random.default_rng(levels)
    raw = generator.integers(0, levels, 200).astype(float)
    released = generator.integers(0, levels, 300) + levels / 5
    truth = np.repeat([0, 1], [200, 300])
    expected = roc_auc_score(truth, np.concatenate([raw, released]))
    assert auc(raw, released) == pytest.approx(expected)


def test_its_interval_covers():
    """Scores with a true area of .76 (normal, one deviation apart): about 95 % hold it."""
    generator = np.random.default_rng(0)
    held = 0
    for experiment in range(200):
        raw, released = generator.normal(0, 1, 100), generator.normal(1, 1, 100)
        low, high = auc_interval(raw, released, experiment, draws=200)
        held += low <= 0.7602 <= high
    assert 0.9 <= held / 200 <= 0.99


def test_the_interval_of_unrelated_samples_covers():
    """As above, with other numbers of each."""
    generator = np.random.default_rng(1)
    held = 0
    for experiment in range(200):
        raw_scores, released = generator.normal(0, 1, 60), generator.normal(1, 1, 140)
        low, high = auc_interval_apart(raw_scores, released, experiment, draws=200)
        held += low <= 0.7602 <= high
    assert 0.9 <= held / 200 <= 0.99
