"""A malicious forge gets out of a mechanism what is certified of it, and no more."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from obfnet.auditing.evidence import collect
from obfnet.auditing.examinations.certified import guessed_at_most, told_at_most
from obfnet.auditing.examinations.malicious import malicious
from obfnet.auditing.subject import Subject, raw
from obfnet.errors import NotMeasurableError
from obfnet.mechanisms.bits import Bits
from obfnet.mechanisms.certificate import least_bits
from obfnet.mechanisms.codebook import Codebook
from obfnet.mechanisms.gaussian import Gaussian
from obfnet.mechanisms.none import NoMechanism
from obfnet.mechanisms.randomised_codebook import RandomisedCodebook


@pytest.fixture(scope="module")
def examine(infnet, digits, splits, tiny):
    """The examination of a mechanism, as numbers by name, with the note."""
    effort = replace(tiny, steps=300)
    plain = collect(raw(), infnet, digits, splits, effort)

    def run(mechanism):
        # x' itself plays no part: the backend forges its own encoder and decoder.
        subject = Subject("any", np.zeros_like, mechanism=mechanism)
        known = replace(plain.known, subject=subject)
        found = malicious(replace(plain, known=known), plain, 0)
        return {each.name: each.value for each in found.measures}, found

    return run


def by(numbers, start, end):
    (value,) = (value for name, value in numbers.items() if name.startswith(start) and end in name)
    return value


def test_through_a_codebook_comes_the_label_or_the_secret(examine):
    numbers, found = examine(Codebook(10))
    assert by(numbers, "thumbnail, label kept", "label right") > 0.85
    assert by(numbers, "thumbnail, label kept", "leakage") < 0.05
    slant = next(each for each in found.measures if each.name == "slant, label kept: guessed")
    assert slant.value < slant.floor + 0.15
    # A backend that gives up the service can have the attribute instead: that is certified.
    assert by(numbers, "slant, label ignored", "guessed") > 0.75
    assert by(numbers, "thumbnail, label ignored", "recognised") <= 10 / 180
    assert "ALARM" not in found.note


def test_through_many_bits_comes_much(examine):
    numbers, found = examine(Bits(16))
    assert by(numbers, "thumbnail, label traded", "leakage") > 0.2
    assert by(numbers, "thumbnail, label traded", "label right") > 0.8
    assert "ALARM" not in found.note


@pytest.mark.parametrize("mechanism", [RandomisedCodebook(10, 2.0), Gaussian(4, 1.0, 0.5)])
def test_noisy_mechanisms_keep_their_certificate(examine, mechanism):
    _, found = examine(mechanism)
    assert "ALARM" not in found.note
    assert all(np.isfinite(each.value) for each in found.measures)
    assert len({each.name for each in found.measures}) == len(found.measures)


def test_a_certificate_that_lies_raises_an_alarm(examine):
    @dataclass(frozen=True)
    class Liar(Bits):
        def certificate(self, releases=1):
            return Bits(1).certificate(releases)

    _, found = examine(Liar(16))
    assert found.note.startswith("ALARM")
    assert "sample recognised" in found.note


@pytest.mark.parametrize("mechanism", [None, NoMechanism()])
def test_without_a_certificate_there_is_nothing_to_test(examine, mechanism):
    with pytest.raises(NotMeasurableError, match="nothing is certified"):
        examine(mechanism)


def test_bounds_follow_from_the_certificate():
    truth = np.repeat(np.arange(10), 10)
    assert guessed_at_most(truth, Bits(1).certificate()) == pytest.approx(0.2)
    assert guessed_at_most(truth, Bits(8).certificate()) == 1
    assert told_at_most(truth, Bits(8).certificate()) == 1
    bound = told_at_most(truth, Bits(1).certificate())
    assert least_bits(10, bound) == pytest.approx(1, abs=1e-6)
