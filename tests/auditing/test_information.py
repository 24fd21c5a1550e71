"""Bits are found where they are, and never more than a mechanism lets through."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from obfnet.auditing.adapters import subject_of
from obfnet.auditing.critic import matched
from obfnet.auditing.evidence import collect
from obfnet.auditing.examinations.information import entropy, information
from obfnet.auditing.subject import Subject, raw
from obfnet.errors import NotMeasurableError
from obfnet.mechanisms.codebook import Codebook


@pytest.fixture(scope="module")
def plain(infnet, digits, splits, tiny):
    return collect(raw(), infnet, digits, splits, tiny)


@pytest.fixture(scope="module")
def of(plain, infnet, digits, splits, tiny):
    """The measures of a subject by name, and the note."""

    def measure(subject):
        found = information(collect(subject, infnet, digits, splits, tiny), plain, 0)
        return {measure.name: measure for measure in found.measures}, found.note

    return measure


def test_a_codebook_tells_the_label_and_never_more_than_it_certifies(codebook, of):
    found, note = of(subject_of(codebook))
    certified = found["certified at most"].value
    assert certified == pytest.approx(np.log2(10))
    at_least = found["information in x' at least"]
    assert 2 < at_least.value <= at_least.ci[1] <= certified
    assert found["beyond the label at least"].value == pytest.approx(0, abs=1e-6)
    assert found["entropy of the different x' seen"].value <= certified
    assert "ERROR" not in note


def test_a_critic_that_saw_chance_patterns_is_not_believed(plain, infnet, digits, splits, tiny):
    """Two codes that tell nothing of x: whatever a critic learnt, no sample has above 2 bits."""
    rows = digits.samples[:2]

    def coin(samples):
        return rows[np.random.default_rng(len(samples)).integers(0, 2, len(samples))]

    found = matched(collect(Subject("coin", coin), infnet, digits, splits, tiny), 0)
    assert found.bits.max() < 1.3  # log2 of a share of nearly a half
    assert found.bits.mean() < 0.05


def test_raw_samples_tell_far_more_than_the_label(plain, of):
    found, _ = of(raw())
    at_least = found["information in x' at least"]
    assert at_least.value > at_least.floor + 2
    assert at_least.value == at_least.raw
    beyond = found["beyond the label at least"]
    assert beyond.floor == 0
    assert beyond.value > 2
    assert "certified at most" not in found


def test_a_mechanism_that_lies_is_shouted_at(of):
    """One bit is certified, and the sample itself is sent."""
    _, note = of(Subject("liar", lambda x: x, mechanism=Codebook(2)))
    assert note.startswith("ERROR: AT LEAST")
    assert "1.00 ARE CERTIFIED" in note


def test_entropy_is_that_of_transforms_that_do_not_draw(of):
    noise = np.random.default_rng(0)

    def noisy(samples):
        return samples + np.float32(0.1) * noise.standard_normal(samples.shape, np.float32)

    found, _ = of(Subject("noisy", noisy))
    assert "entropy of the different x' seen" not in found


def test_plug_in_entropy():
    assert entropy(Counter("aabb")) == 1
    assert entropy(Counter("aaaa")) == 0


def test_a_handful_of_samples_tells_nothing(infnet, digits, splits, tiny, plain):
    few = collect(raw(), infnet, digits, splits, replace(tiny, evaluated=20))
    with pytest.raises(NotMeasurableError, match="expected 32"):
        information(few, plain, 0)
