"""Repeats of one sample: worth something only where each of them is a fresh draw."""

from dataclasses import replace

import numpy as np
import pytest

from obfnet.auditing.averaging import alphabet, averaged
from obfnet.auditing.evidence import collect
from obfnet.auditing.examinations.repeats import plan, repeats
from obfnet.auditing.subject import Subject, raw
from obfnet.errors import NotMeasurableError
from obfnet.forging.sets import ObfNetSet
from obfnet.mechanisms.codebook import Codebook
from obfnet.mechanisms.randomised_codebook import RandomisedCodebook


@pytest.fixture(scope="module")
def effort(tiny):
    return replace(tiny, pairs=1_000, evaluated=180, steps=300)


@pytest.fixture(scope="module")
def plain(infnet, digits, splits, effort):
    return collect(raw(), infnet, digits, splits, effort)


@pytest.fixture(scope="module")
def noise():
    """White noise three times as strong as what digits vary by; a device's would be secret."""
    generator = np.random.default_rng(0)

    def noisy(samples):
        drawn = generator.standard_normal(samples.shape, dtype=np.float32)
        return np.asarray(samples + drawn, np.float32)

    return noisy


def values(examined, start):
    return [each.value for each in examined.measures if each.name.startswith(start)]


def test_noise_is_averaged_away(infnet, digits, splits, effort, plain, noise):
    evidence = collect(Subject("noise", noise), infnet, digits, splits, effort)
    found = repeats(evidence, plain, 0)
    leaks = values(found, "leakage after")
    assert values(found, "distinct answers") == [1.0]
    assert len(leaks) == 3
    assert leaks == sorted(leaks)
    assert leaks[-1] > leaks[0] + 0.2
    for each in found.measures[1:]:
        assert each.ci[0] <= each.value <= each.ci[1]
        assert each.value <= each.raw
        assert each.floor == 0


def test_a_transform_that_draws_nothing_gives_repeats_nothing(
    infnet, digits, splits, effort, plain, codebook
):
    evidence = collect(
        Subject("codebook", codebook, mechanism=Codebook(10)), infnet, digits, splits, effort
    )
    found = repeats(evidence, plain, 0)
    assert values(found, "distinct answers") == [0.0]
    assert values(found, "leakage after") == []
    assert values(found, "certified bound") == [pytest.approx(np.log2(10))]
    assert "nothing more" in found.note


def test_the_certificate_composes_beside_what_is_measured(
    infnet, digits, splits, effort, plain, codebook
):
    random = replace(codebook, mechanism=RandomisedCodebook(10, epsilon=2.0))
    subject = Subject("randomised", random, mechanism=random.mechanism)
    evidence = collect(subject, infnet, digits, splits, effort)
    found = repeats(evidence, plain, 0)
    bounds = values(found, "certified bound")
    assert bounds[0] == random.mechanism.certificate().bits
    assert bounds == sorted(bounds)
    assert bounds[-1] == pytest.approx(np.log2(10))
    # However often it is drawn, only the label's row is there to be found.
    assert max(values(found, "leakage after")) < 0.05


def test_a_set_composes_over_its_obfnets(infnet, digits, splits, effort, plain, codebook):
    other = replace(codebook, decoder=type(codebook.decoder)(codebook.decoder.rows.flip(-1)))
    pair = ObfNetSet("device", (codebook, other), infnet.digest, digits.samples[:32])
    subject = Subject("set", pair, mechanism=codebook.mechanism, members=pair.obfnets)
    found = repeats(collect(subject, infnet, digits, splits, effort), plain, 0)
    assert values(found, "certified bound")[-1] == pytest.approx(2 * np.log2(10))
    assert 0 < values(found, "distinct answers")[0] < 1


def test_recorded_pairs_cannot_be_repeated(infnet, digits, splits, effort, plain):
    recorded = Subject("recorded", lambda x: x, queries=False)
    with pytest.raises(NotMeasurableError, match="recorded elsewhere"):
        repeats(collect(recorded, infnet, digits, splits, effort), plain, 0)


def test_averages_are_of_all_releases_so_far(infnet, digits, splits, effort, plain):
    sent = []

    def noisy(samples):
        sent.append(samples + np.float32(len(sent)))
        return sent[-1]

    known = replace(plain.known, subject=Subject("rising", noisy))
    samples = digits.samples[:5]
    letters = alphabet(plain.known.train)
    assert not letters.places
    one, three = averaged(known, samples, (1, 3), letters)
    size = samples[0].size
    assert np.allclose(one.released[:, :size], samples.reshape(5, -1))
    assert np.allclose(three.released[:, :size], samples.reshape(5, -1) + 1)
    assert np.allclose(three.released[:, size : 2 * size], np.sqrt(2 / 3), atol=1e-5)
    assert np.allclose(three.released[:, 2 * size :].sum(axis=1), 1)
    assert len(sent) == 3


def test_few_different_releases_are_counted(infnet, digits, splits, effort, codebook):
    evidence = collect(Subject("codebook", codebook), infnet, digits, splits, effort)
    letters = alphabet(evidence.known.train)
    assert 5 <= len(letters.places) <= 10
    (kept,) = averaged(evidence.known, evidence.evaluation.originals, (4,), letters)
    shares = kept.released[:, 2 * digits.spec.size : -10]
    assert set(np.unique(shares)) == {0.0, 1.0}
    assert np.array_equal(kept.answers, evidence.evaluation.answers)


def test_more_effort_repeats_more_often(effort):
    small, most = plan(effort, 1_000)
    large, all_of_them = plan(replace(effort, pairs=60_000), 60_000)
    assert small == (1, 4, 16)
    assert most == 1_000
    assert large[-1] == 1024
    assert 900 <= all_of_them < 1_000
    assert plan(replace(effort, pairs=1), 1) == ((1, 4, 16), 1)
