"""Messages of one sample or one person are linked where x' shows them, and not where it cannot."""

from dataclasses import replace

import numpy as np
import pytest

from obfnet.auditing.evidence import collect
from obfnet.auditing.examinations.linkability import linkability
from obfnet.auditing.subject import Subject, raw
from obfnet.errors import NotMeasurableError


@pytest.fixture(scope="module")
def measured(infnet, digits, splits, tiny):
    plain = collect(raw(), infnet, digits, splits, tiny)

    def run(transform, data=digits, **known):
        subject = Subject("subject", transform, **known)
        first = plain if data is digits else collect(raw(), infnet, data, splits, tiny)
        return linkability(collect(subject, infnet, data, splits, tiny), first, 0)

    return run


def value(found, name):
    (measure,) = (each for each in found.measures if each.name == name)
    return measure


SENT, FOUND = (
    "same sample sent twice: equal error rate",
    "same sample sent twice: found in a gallery",
)
SLANT = "same slant: equal error rate"


def test_raw_samples_are_linked(measured):
    found = measured(lambda x: x)
    assert value(found, SENT).value < 0.01
    assert value(found, FOUND).value > 0.98
    assert value(found, SLANT).value < 0.3
    assert value(found, SLANT).value == value(found, SLANT).raw
    assert "by construction" in found.note


def test_a_codebook_links_nothing(measured, codebook):
    """Every message of a label is the same, so repeats are not told from other samples."""
    found = measured(codebook)
    for name in (SENT, SLANT):
        assert value(found, name).value == pytest.approx(0.5, abs=0.03)
    first = value(found, FOUND)
    assert first.value == pytest.approx(first.floor, rel=0.05)


def test_a_set_that_draws_is_seen_through(measured):
    """Two keyed permutations: the same sample looks different, and a net learns to match."""
    generator = np.random.default_rng(0)
    orders = [generator.permutation(64) for _ in range(2)]

    def drawn(samples):
        which = generator.integers(0, 2, len(samples))
        flat = samples.reshape(len(samples), 64)
        both = np.stack([flat[:, order] for order in orders])
        return both[which, np.arange(len(samples))].reshape(samples.shape)

    found = measured(drawn)
    assert "drawn at random" in found.note
    # Half of all pairs went through the same permutation: distance alone would give .25.
    assert value(found, SENT).value < 0.2
    low, high = value(found, SENT).ci
    assert low <= value(found, SENT).value <= high


def test_noise_without_content_is_not_linked(measured):
    generator = np.random.default_rng(0)
    found = measured(lambda x: generator.random(x.shape, np.float32))
    assert value(found, SENT).value == pytest.approx(0.5, abs=0.08)
    assert value(found, SLANT).value == pytest.approx(0.5, abs=0.08)


def test_an_attribute_of_persons_comes_first(measured, digits):
    speakers = digits.attributes["slant"]
    data = replace(
        digits, attributes={**digits.attributes, "speaker": speakers}, attribute_names={}
    )
    found = measured(lambda x: x, data)
    assert SLANT not in [each.name for each in found.measures]
    assert value(found, "same speaker: equal error rate").value < 0.3


def test_pairs_recorded_elsewhere_are_not_sent_again(measured):
    found = measured(lambda x: x, queries=False)
    assert [each.name.split(":")[0] for each in found.measures] == [
        "same slant",
        "same slant",
        "same thickness",
        "same thickness",
    ]


def test_nothing_to_link_is_said(measured, digits):
    data = replace(digits, attributes={}, attribute_names={})
    with pytest.raises(NotMeasurableError):
        measured(lambda x: x, data, queries=False)
