"""Whatever cannot be measured is a clear error or an honest row, never a number."""

from dataclasses import replace

import numpy as np
import pytest

from obfnet.auditing import evidence
from obfnet.auditing.adapters.recorded import recorded
from obfnet.auditing.attacks.label_only import LabelOnly
from obfnet.auditing.evidence import collect, send
from obfnet.auditing.examinations.value_range import value_range
from obfnet.auditing.probes.mlp import MlpProbe
from obfnet.auditing.subject import Subject, raw
from obfnet.data import Splits, split
from obfnet.errors import NotMeasurableError, OverlapError, SpecError


def _dimmed(samples):
    samples *= 0.5
    return samples


def _raising(samples):
    raise ZeroDivisionError("no such luck")


class _Reusing:
    """Gives the same array at each call, as a runtime with a bound output does."""

    def __init__(self):
        self._held = np.zeros((evidence.BATCH, 1, 8, 8), np.float32)

    def __call__(self, samples):
        np.multiply(samples, 0.5, out=self._held[: len(samples)])
        return self._held[: len(samples)]


@pytest.mark.parametrize("transform", [_dimmed, _Reusing()])
def test_a_transform_may_work_in_place(transform, infnet, digits, splits, tiny):
    """The originals that attacks are scored on stay what they were, and so does what came back."""
    before = digits.samples.copy()
    found = collect(Subject("dimmed", transform), infnet, digits, splits, tiny)
    assert np.array_equal(digits.samples, before)
    for pairs in (found.known.train, found.known.validation, found.evaluation):
        assert np.array_equal(pairs.released, pairs.originals / 2)
    held = {sample.tobytes() for sample in before}
    assert all(sample.tobytes() in held for sample in found.evaluation.originals)


def test_an_audit_of_it_scores_on_what_was_there_before(infnet, digits, splits, quickly):
    """Were originals changed in place, half the error would be missing from the score."""
    report = quickly(_dimmed, infnet, digits, splits)
    floor = report.leakage.floor_error
    assert floor == pytest.approx(
        quickly(lambda x: x / 2, infnet, digits, splits).leakage.floor_error, rel=0.2
    )
    assert report.evidence.evaluation.originals.max() == 1


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        (_raising, "failed on float32 samples .*no such luck"),
        (lambda samples: None, "gave object"),
        (lambda samples: [samples, samples[:1]], "failed on float32 samples"),
        (lambda samples: samples.astype(np.float64), "gave float64 .*astype"),
        (lambda samples: (255 * samples).astype(np.uint8), "gave uint8 .*astype"),
        (lambda samples: samples[:-1], "must look like x"),
        (lambda samples: samples.reshape(len(samples), -1), "must look like x"),
        (lambda samples: samples[:1], "must look like x"),
        (lambda samples: np.float32(0), "must look like x"),
        (lambda samples: samples / np.float32(0), "NaN or infinity"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_a_transform_may_not_give(transform, message, digits):
    with pytest.raises(NotMeasurableError, match=message):
        send(transform, digits.samples[:100])


def test_errors_of_our_own_come_through(digits):
    def refusing(samples):
        raise OverlapError("mine")

    with pytest.raises(OverlapError, match="mine"):
        send(refusing, digits.samples[:10])


def test_a_slow_transform_is_said_to_be_slow(digits, monkeypatch, capsys):
    monkeypatch.setattr(evidence, "SLOW", 0.0)
    send(np.negative, digits.samples[:100])
    assert "slow: 100 samples take" in capsys.readouterr().err
    monkeypatch.setattr(evidence, "SLOW", 1e9)
    send(np.negative, digits.samples[:100])
    assert not capsys.readouterr().err


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 1088, 1089])
def test_every_sample_is_sent_once(digits, count):
    samples = digits.samples[:count]
    assert np.array_equal(send(np.negative, samples), -samples)


def test_recorded_pairs_are_sent_in_the_same_way(digits):
    halved = digits.samples[:200] / 2
    subject = recorded(digits.samples[:200], halved)
    found = send(subject.transform, digits.samples[:200])
    first = [np.flatnonzero((digits.samples[:200] == each).all((1, 2, 3)))[0]
             for each in digits.samples[:200]]  # fmt: skip
    assert np.array_equal(found, halved[first])


@pytest.mark.parametrize("labels", [np.zeros(0, np.int64), np.array([3]), np.arange(5)])
def test_too_few_evaluation_samples(labels, infnet, digits, splits, tiny):
    """Empty, one, and fewer than classes."""
    if not len(labels):
        with pytest.raises(SpecError, match="at least one index"):
            replace(splits, evaluation=labels)
        return
    few = replace(splits, evaluation=splits.evaluation[: len(labels)])
    with pytest.raises(NotMeasurableError, match=f"{len(labels)} evaluation samples"):
        collect(raw(), infnet, digits, few, tiny)


def test_evaluation_samples_without_labels(infnet, digits, splits, tiny):
    labels = digits.labels.copy()
    labels[splits.evaluation[:7]] = -1
    with pytest.raises(SpecError, match="7 evaluation samples have no label"):
        collect(raw(), infnet, replace(digits, labels=labels), splits, tiny)


def test_a_dataset_that_holds_everything_twice(infnet, digits, splits, tiny):
    """Other indices, but whoever holds one copy need not reconstruct the other."""
    twice = digits.take(np.tile(np.arange(len(digits)), 2))
    with pytest.raises(OverlapError, match="among the attacker's"):
        collect(raw(), infnet, twice, split(twice, 0), tiny)


def test_samples_that_come_twice_in_one_part_are_no_overlap(infnet, digits, splits, tiny):
    count = len(digits)
    extra = digits.take(np.append(np.arange(count), splits.evaluation))
    judged = np.append(splits.evaluation, np.arange(count, len(extra)))
    doubled = replace(splits, evaluation=judged)
    found = collect(raw(), infnet, extra, doubled, tiny)
    assert len(found.evaluation) == 2 * len(splits.evaluation)


def test_parts_that_share_indices_are_refused_before_anything_runs(splits):
    with pytest.raises(OverlapError, match="attacker_train and evaluation share"):
        replace(splits, evaluation=splits.attacker_train[:30])


@pytest.mark.parametrize("part", ["attacker_train", "evaluation"])
def test_an_attribute_with_one_value_in_either_part(part, infnet, digits, splits, tiny):
    values = digits.attributes["slant"].copy()
    values[getattr(splits, part)] = 1
    same = replace(digits, attributes={"slant": values}, attribute_names={})
    with pytest.raises(NotMeasurableError, match="one value only"):
        MlpProbe()(collect(raw(), infnet, same, splits, tiny), "slant", 0)


def test_an_attribute_of_a_sample_each_is_no_error(infnet, digits, splits, tiny):
    """A writer's number that never comes again: nothing can be learnt, and chance says so."""
    numbers = replace(digits, attributes={"writer": np.arange(len(digits))}, attribute_names={})
    found = MlpProbe()(collect(raw(), infnet, numbers, splits, replace(tiny, steps=5)), "writer", 0)
    assert found.accuracy == found.chance == 0


def test_an_attackers_single_class(infnet, digits, splits, tiny):
    """Its means know one digit; the floor falls back to the overall mean elsewhere."""
    only = splits.attacker_train[digits.labels[splits.attacker_train] == 3]
    narrow = Splits(
        splits.train, splits.validation, splits.test, only, splits.attacker_validation,
        splits.evaluation,
    )  # fmt: skip
    found = LabelOnly()(collect(raw(), infnet, digits, narrow, tiny), 0)
    assert np.isfinite(found.samples).all()


def test_constant_output_leaks_no_label_either(infnet, digits, splits, quickly):
    report = quickly(lambda x: np.full_like(x, 0.5), infnet, digits, splits)
    assert report.leakage.value <= 0.01
    slant = report.attributes["slant"]
    assert slant.label_only == slant.chance
    assert slant.accuracy_ci[0] <= slant.chance <= slant.accuracy_ci[1]
    assert len(np.unique(report.evidence.evaluation.answers)) == 1


def test_values_outside_the_range_are_allowed_and_counted(infnet, digits, splits, tiny):
    def shifted(samples):
        moved = samples.copy()
        moved[::2] += np.float32(1.5)
        return moved

    plain = collect(raw(), infnet, digits, splits, tiny)
    found = collect(Subject("shifted", shifted), infnet, digits, splits, tiny)
    measures = {each.name: each for each in value_range(found, plain, 0).measures}
    touched = measures["samples with a value outside"]
    assert touched.value == pytest.approx(0.5, abs=0.01)
    assert touched.ci[0] < 0.5 < touched.ci[1]
    assert measures["values outside"].value == pytest.approx(0.5, abs=0.01)
    assert measures["farthest outside"].value == pytest.approx(1.5)
    same = value_range(plain, plain, 0)
    assert [each.value for each in same.measures] == [0, 0, 0]
