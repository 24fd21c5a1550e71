"""The audit tells no protection from full protection, and refuses what has no answer."""

from dataclasses import replace

import numpy as np
import pytest
from torch import nn

from obfnet.auditing.attack import Attack
from obfnet.auditing.attacks.label_only import LabelOnly
from obfnet.auditing.audit import audit_all
from obfnet.auditing.evidence import collect
from obfnet.auditing.probes.mlp import MlpProbe
from obfnet.auditing.subject import Subject, raw
from obfnet.data import Splits, split
from obfnet.errors import NotMeasurableError, OverlapError, SpecError
from obfnet.nets.frozen import freeze


def _pixelate(samples):
    """Keep the mean of each 4x4 block: a thumbnail of four values."""
    blocks = samples.reshape(-1, 1, 2, 4, 2, 4).mean(axis=(3, 5), keepdims=True)
    return np.broadcast_to(blocks, (len(samples), 1, 2, 4, 2, 4)).reshape(samples.shape).copy()


@pytest.fixture
def plain(infnet, digits, splits, tiny):
    return collect(raw(), infnet, digits, splits, tiny)


def test_raw_samples_leak_everything(infnet, digits, splits, tiny, audit_folder):
    (report,) = audit_all([None], infnet, digits, splits, 0, tiny, audit_folder, processes=1)
    assert report.leakage.value > 0.99
    assert report.attributes["slant"].accuracy > report.attributes["slant"].chance + 0.2
    assert report.accuracy == report.clean_accuracy
    assert report.agreement == 1


def test_a_transform_that_can_be_undone_leaks_everything(infnet, digits, splits, quickly):
    """Inverted colours look different to people and are no protection."""
    report = quickly(lambda x: 1 - x, infnet, digits, splits)
    assert report.leakage.value > 0.99
    assert report.raw_leakage > 0.99


def test_a_codebook_leaks_nothing_but_the_label(codebook, infnet, digits, splits, quickly):
    report = quickly(codebook, infnet, digits, splits)
    assert report.leakage.value <= 0.02
    assert report.leakage.ci[0] == 0
    slant = report.attributes["slant"]
    assert abs(slant.accuracy - slant.chance) < 0.12
    assert report.row()["drop"] == pytest.approx(report.clean_accuracy - report.accuracy)


def test_a_thumbnail_lies_between(infnet, digits, splits, quickly):
    report = quickly(_pixelate, infnet, digits, splits)
    assert 0.1 < report.leakage.value < 0.8
    low, high = report.leakage.ci
    assert low <= report.leakage.value <= high


def test_the_same_seed_gives_the_same_report(
    codebook, infnet, digits, splits, tiny, tmp_path_factory
):
    one, other = (
        audit_all(
            [codebook],
            infnet,
            digits,
            splits,
            3,
            tiny,
            tmp_path_factory.mktemp("seed"),
            processes=processes,
        )[0]
        for processes in (1, 2)
    )
    for name in ("accuracy", "leakage", "best_attack"):
        assert getattr(one, name) == getattr(other, name)


def test_attackers_never_see_evaluation_originals(plain):
    """The frame hands an attack the attacker's pairs; evaluation originals only score."""
    seen = []

    class Spy(Attack):
        name = "spy"

        def fit(self, known, seed):
            seen.extend([known.train.originals, known.validation.originals, known.made.originals])

        def reconstruct(self, released, answers):
            return np.zeros_like(released)

    result = Spy()(plain, 0)
    held = {sample.tobytes() for sample in plain.evaluation.originals}
    shown = {sample.tobytes() for part in seen for sample in part}
    duplicates = len(held & shown)
    assert duplicates <= 2  # the dataset itself may repeat a picture
    assert result.errors.mean() == pytest.approx((plain.evaluation.originals**2).mean())


def test_the_floor_is_the_class_mean(plain):
    floor = LabelOnly()(plain, 0)
    label = int(plain.evaluation.answers[0])
    mean = plain.known.train.originals[plain.known.train.answers == label].mean(axis=0)
    assert np.allclose(floor.samples[0], mean)


def test_an_answer_that_never_occurs_gets_the_overall_mean(plain):
    known = plain.known
    train = replace(known.train, answers=np.zeros_like(known.train.answers))
    floor = LabelOnly()(replace(plain, known=replace(known, train=train)), 0)
    assert np.isfinite(floor.samples).all()


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        (lambda x: x[:, :, :4], "must look like x"),
        (lambda x: x.astype(np.float64), "float64"),
        (lambda x: x * np.float32(np.nan), "NaN"),
    ],
)
def test_what_cannot_be_measured_is_an_error(infnet, digits, splits, quickly, transform, message):
    with pytest.raises(NotMeasurableError, match=message):
        quickly(transform, infnet, digits, splits)


def test_a_constant_transform_leaks_nothing(infnet, digits, splits, quickly):
    report = quickly(np.zeros_like, infnet, digits, splits)
    assert report.leakage.value <= 0.01


def test_an_attribute_with_one_value_is_not_measurable(infnet, digits, splits, tiny, quickly):
    constant = np.zeros(len(digits), np.int64)
    same = replace(digits, attributes={"slant": constant}, attribute_names={})
    with pytest.raises(NotMeasurableError, match="one value only"):
        MlpProbe()(collect(raw(), infnet, same, splits, tiny), "slant", 0)
    report = quickly(np.zeros_like, infnet, same, splits)
    assert "one value only" in report.unmeasured["slant/mlp"]
    assert not report.attributes


def test_samples_that_the_label_gives_away_have_no_scale(infnet, digits, splits, quickly):
    flat = replace(digits, samples=np.zeros_like(digits.samples))
    with pytest.raises((NotMeasurableError, OverlapError)):
        quickly(lambda x: x, infnet, flat, splits)


def test_attacks_that_fail_on_raw_samples_say_nothing_of_a_transform(
    infnet, digits, splits, quickly, tiny
):
    """White noise as data: nothing to learn an inverse of from ten pairs."""
    noise = np.random.default_rng(0).random(digits.samples.shape, dtype=np.float32)
    noisy = replace(digits, samples=noise)
    weak = replace(tiny, pairs=20, steps=1)
    with pytest.raises(NotMeasurableError, match="broken on this data"):
        quickly(lambda x: x, infnet, noisy, splits, effort=weak)


def test_an_attribute_that_follows_the_label_is_the_labels_leakage(
    codebook, infnet, digits, splits, tiny
):
    """Parity of the digit: a codebook tells it, because the label does."""
    parity = replace(digits, attributes={"parity": digits.labels % 2}, attribute_names={})
    evidence = collect(Subject("codebook", codebook), infnet, parity, splits, tiny)
    found = MlpProbe()(evidence, "parity", 0)
    assert found.label_only > 0.85
    assert found.accuracy == pytest.approx(found.label_only, abs=0.03)


def test_pairs_are_drawn_from_all_classes(infnet, digits, tiny):
    """Splits are in the dataset's order; a limited attacker must not see one class only."""
    order = np.argsort(digits.labels, kind="stable")
    ordered = digits.take(order)
    few = replace(tiny, pairs=100)
    evidence = collect(raw(), infnet, ordered, split(ordered, 0), few)
    assert len(evidence.known.train) == 100
    assert set(evidence.known.train.labels) == set(range(10))


def test_few_pairs_are_eked_out_with_mixtures(infnet, digits, splits, tiny):
    more = replace(tiny, mixtures=3000)
    evidence = collect(Subject("negative", lambda x: 1 - x), infnet, digits, splits, more)
    assert len(evidence.known.train) + len(evidence.known.made) == 3000
    assert np.allclose(evidence.known.made.released, 1 - evidence.known.made.originals)
    digits.spec.check(evidence.known.made.originals)


def test_recorded_pairs_are_eked_out_with_nothing(infnet, digits, splits, tiny):
    more = replace(tiny, mixtures=3000)
    recorded = Subject("negative", lambda x: 1 - x, queries=False)
    evidence = collect(recorded, infnet, digits, splits, more)
    assert len(evidence.known.made) == 0
    with pytest.raises(NotMeasurableError, match="recorded elsewhere"):
        evidence.known.sent(digits.samples[:2])


def test_an_infnet_with_more_classes_than_the_data_is_refused(digits, splits, quickly):
    wide = freeze(nn.Sequential(nn.Flatten(), nn.Linear(64, 300)))
    with pytest.raises(SpecError, match="the data has 10"):
        quickly(lambda x: x, wide, digits, splits)


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


def test_evaluation_samples_that_the_attacker_holds_are_refused(infnet, digits, splits, tiny):
    """Other indices, same bytes: as when arrays were put together from two exports."""
    copied = digits.samples.copy()
    copied[splits.evaluation] = copied[splits.attacker_train[: len(splits.evaluation)]]
    with pytest.raises(OverlapError, match="among the attacker's"):
        collect(raw(), infnet, replace(digits, samples=copied), splits, tiny)


def test_fewer_samples_than_classes_are_refused(infnet, digits, splits, tiny):
    few = replace(tiny, evaluated=5)
    with pytest.raises(NotMeasurableError, match="5 evaluation samples"):
        collect(raw(), infnet, digits, splits, few)


def test_one_class_only_is_refused(infnet, digits, splits, tiny):
    labels = digits.labels.copy()
    labels[splits.evaluation] = 3
    with pytest.raises(NotMeasurableError, match="of 1 classes"):
        collect(raw(), infnet, replace(digits, labels=labels), splits, tiny)
