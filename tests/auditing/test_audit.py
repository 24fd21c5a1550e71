"""The audit tells no protection from full protection, and refuses what has no answer."""

from dataclasses import replace

import numpy as np
import pytest
from torch import nn

from obfnet.auditing import evidence as pairs
from obfnet.auditing.attack import Attack
from obfnet.auditing.audit import audit, audit_raw
from obfnet.auditing.evidence import collect
from obfnet.auditing.floor import LabelOnly
from obfnet.auditing.probe import probe
from obfnet.data import Splits, split
from obfnet.errors import NotMeasurableError, OverlapError, SpecError
from obfnet.nets.frozen import freeze


@pytest.fixture(scope="module")
def raw(infnet, digits, splits):
    return audit_raw(infnet, digits, splits)


def _pixelate(samples):
    """Keep the mean of each 4x4 block: a thumbnail of four values."""
    blocks = samples.reshape(-1, 1, 2, 4, 2, 4).mean(axis=(3, 5), keepdims=True)
    return np.broadcast_to(blocks, (len(samples), 1, 2, 4, 2, 4)).reshape(samples.shape).copy()


def test_raw_samples_leak_everything(raw):
    assert raw.leakage.value > 0.99
    assert raw.attributes["slant"].accuracy > raw.attributes["slant"].chance + 0.2
    assert raw.accuracy == raw.clean_accuracy
    assert raw.agreement == 1


def test_a_transform_that_can_be_undone_leaks_everything(infnet, digits, splits, raw):
    """Inverted colours look different to people and are no protection."""
    report = audit(lambda x: 1 - x, infnet, digits, splits, raw_leakage=raw.leakage.value)
    assert report.leakage.value > 0.99


def test_a_codebook_leaks_nothing_but_the_label(codebook, infnet, digits, splits, raw):
    report = audit(codebook, infnet, digits, splits, raw_leakage=raw.leakage.value)
    assert report.leakage.value <= 0.02
    assert report.leakage.ci[0] == 0
    slant = report.attributes["slant"]
    assert abs(slant.accuracy - slant.chance) < 0.12
    assert report.row()["drop"] == pytest.approx(report.clean_accuracy - report.accuracy)


def test_a_thumbnail_lies_between(infnet, digits, splits, raw):
    report = audit(_pixelate, infnet, digits, splits, raw_leakage=raw.leakage.value)
    assert 0.1 < report.leakage.value < 0.8
    low, high = report.leakage.ci
    assert low <= report.leakage.value <= high


def test_the_same_seed_gives_the_same_report(codebook, infnet, digits, splits):
    one, other = (
        audit(codebook, infnet, digits, splits, seed=3, raw_leakage=1.0) for _ in range(2)
    )
    assert one.row() == other.row()


def test_attackers_never_see_evaluation_originals(infnet, digits, splits):
    """The frame hands an attack the attacker's pairs; evaluation originals only score."""
    seen = []

    class Spy(Attack):
        name = "spy"

        def fit(self, known, seed):
            seen.extend([known.train.originals, known.validation.originals, known.made.originals])

        def reconstruct(self, released, answers):
            return np.zeros_like(released)

    evidence = collect(lambda x: x, infnet, digits, splits, 10_000)
    result = Spy()(evidence, 0)
    held = {sample.tobytes() for sample in evidence.evaluation.originals}
    shown = {sample.tobytes() for part in seen for sample in part}
    duplicates = len(held & shown)
    assert duplicates <= 2  # the dataset itself may repeat a picture
    assert result.errors.mean() == pytest.approx((evidence.evaluation.originals**2).mean())


def test_the_floor_is_the_class_mean(infnet, digits, splits):
    evidence = collect(lambda x: x, infnet, digits, splits, 10_000)
    floor = LabelOnly()(evidence, 0)
    label = int(evidence.evaluation.answers[0])
    mean = evidence.known.train.originals[evidence.known.train.answers == label].mean(axis=0)
    assert np.allclose(floor.samples[0], mean)


def test_an_answer_that_never_occurs_gets_the_overall_mean(infnet, digits, splits):
    evidence = collect(lambda x: x, infnet, digits, splits, 10_000)
    known = evidence.known
    train = replace(known.train, answers=np.zeros_like(known.train.answers))
    floor = LabelOnly()(replace(evidence, known=replace(known, train=train)), 0)
    assert np.isfinite(floor.samples).all()


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        (lambda x: x[:, :, :4], "must look like x"),
        (lambda x: x.astype(np.float64), "float64"),
        (lambda x: x * np.float32(np.nan), "NaN"),
    ],
)
def test_what_cannot_be_measured_is_an_error(infnet, digits, splits, transform, message):
    with pytest.raises(NotMeasurableError, match=message):
        audit(transform, infnet, digits, splits, raw_leakage=1.0)


def test_a_constant_transform_leaks_nothing(infnet, digits, splits):
    report = audit(np.zeros_like, infnet, digits, splits, raw_leakage=1.0)
    assert report.leakage.value <= 0.01


def test_an_attribute_with_one_value_is_not_measurable(infnet, digits, splits):
    constant = np.zeros(len(digits), np.int64)
    same = replace(digits, attributes={"slant": constant}, attribute_names={})
    evidence = collect(lambda x: x, infnet, same, splits, 10_000)
    assert probe(evidence, "slant", 0) is None


def test_samples_that_the_label_gives_away_have_no_scale(infnet, digits, splits):
    flat = replace(digits, samples=np.zeros_like(digits.samples))
    with pytest.raises(NotMeasurableError, match="all samples of a label are the same"):
        audit(lambda x: x, infnet, flat, splits, raw_leakage=1.0)


def test_attacks_that_fail_on_raw_samples_say_nothing_of_a_transform(infnet, digits, splits):
    with pytest.raises(NotMeasurableError, match="broken on this data"):
        audit(lambda x: x, infnet, digits, splits, raw_leakage=0.3)


def test_an_attribute_that_follows_the_label_is_the_labels_leakage(
    codebook, infnet, digits, splits
):
    """Parity of the digit: a codebook tells it, because the label does."""
    parity = replace(digits, attributes={"parity": digits.labels % 2}, attribute_names={})
    evidence = collect(codebook, infnet, parity, splits, 10_000)
    found = probe(evidence, "parity", 0)
    assert found.label_only > 0.85
    assert found.accuracy == pytest.approx(found.label_only, abs=0.03)


def test_pairs_are_drawn_from_all_classes(infnet, digits, splits):
    """Splits are in the dataset's order; a limited attacker must not see one class only."""
    order = np.argsort(digits.labels, kind="stable")
    ordered = digits.take(order)
    evidence = collect(lambda x: x, infnet, ordered, split(ordered, 0), 100)
    assert len(evidence.known.train) == 100
    assert set(evidence.known.train.labels) == set(range(10))


def test_few_pairs_are_eked_out_with_mixtures(infnet, digits, splits, monkeypatch):
    monkeypatch.setattr(pairs, "ENOUGH", 3000)
    evidence = collect(lambda x: 1 - x, infnet, digits, splits, 10_000)
    assert len(evidence.known.train) + len(evidence.known.made) == 3000
    assert np.allclose(evidence.known.made.released, 1 - evidence.known.made.originals)
    digits.spec.check(evidence.known.made.originals)


def test_an_infnet_with_more_classes_than_the_data_is_refused(digits, splits):
    wide = freeze(nn.Sequential(nn.Flatten(), nn.Linear(64, 300)))
    with pytest.raises(SpecError, match="the data has 10"):
        audit(lambda x: x, wide, digits, splits, raw_leakage=1.0)


def test_overlapping_parts_are_refused(splits):
    with pytest.raises(OverlapError):
        Splits(
            splits.train,
            splits.validation,
            splits.test,
            splits.attacker_train,
            splits.attacker_validation,
            np.append(splits.evaluation, splits.attacker_train[0]),
        )
