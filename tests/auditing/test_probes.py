"""Probes find what is there, and guess no better than the label where nothing is."""

from dataclasses import replace

import numpy as np
import pytest

from obfnet.auditing.evidence import collect
from obfnet.auditing.probes.mlp import MlpProbe
from obfnet.auditing.probes.nearest import NearestProbe
from obfnet.auditing.probes.trees import TreesProbe
from obfnet.auditing.subject import Subject, raw

PROBES = {"mlp": MlpProbe, "nearest": NearestProbe, "trees": TreesProbe}
every = pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)


@pytest.fixture
def seen(infnet, digits, splits, tiny):
    """``seen(code)``: evidence where x' is ``code(labels, slant, generator)``, ``(n, values)``."""

    def seen(code):
        generator = np.random.default_rng(0)
        known = {sample.tobytes(): place for place, sample in enumerate(digits.samples)}

        def release(samples):
            places = [known[sample.tobytes()] for sample in samples]
            slant = digits.attributes["slant"][places]
            values = code(digits.labels[places], slant, generator)
            released = np.zeros((len(samples), 64), np.float32)
            released[:, : values.shape[1]] = values
            return released.reshape(samples.shape)

        return collect(Subject("planted", release), infnet, digits, splits, tiny, 0)

    return seen


@every
@pytest.mark.parametrize("attribute", ["slant", "thickness"])
def test_raw_samples_tell_it(probe, attribute, infnet, digits, splits, tiny):
    found = probe()(collect(raw(), infnet, digits, splits, tiny), attribute, 0)
    assert found.accuracy > found.chance + 0.2
    assert found.accuracy_ci[0] > found.label_only


@every
def test_nothing_is_found_where_nothing_is(probe, seen):
    found = probe()(seen(lambda labels, slant, generator: np.eye(10)[labels]), "slant", 0)
    assert abs(found.accuracy - 0.5) < 0.08


@every
def test_an_attribute_written_into_the_code_is_read(probe, seen):
    """A malicious forge: codes of 20, two for each class."""
    found = probe()(seen(lambda labels, slant, _: np.eye(20)[2 * labels + slant]), "slant", 0)
    assert found.accuracy > 0.97


def test_trees_see_a_flag_under_noise(seen):
    """One value of 64, above or below a threshold, among 63 that are louder."""

    def flagged(_, slant, generator):
        noise = generator.normal(0, 5, (len(slant), 64))
        noise[:, 17] = generator.random(len(slant)) + slant
        return noise

    assert TreesProbe()(seen(flagged), "slant", 0).accuracy > 0.95


def test_counts_are_the_best_rule_for_few_codes(seen):
    """Code and label together tell how often; no net can guess better than the more frequent."""

    def code(labels, slant, generator):
        # The first code of even classes leans left, of odd classes right, three times of four.
        side = np.where(generator.random(len(slant)) < 0.75, slant ^ (labels % 2), 1 - slant)
        return np.eye(2)[side]

    evidence = seen(code)
    found = NearestProbe()(evidence, "slant", 0)
    train, judged = evidence.known.train, evidence.evaluation
    guess = np.zeros(len(judged), int)
    for position in range(len(judged)):
        same = (train.released == judged.released[position]).all((1, 2, 3))
        same &= train.answers == judged.answers[position]
        guess[position] = np.bincount(train.attributes["slant"][same], minlength=2).argmax()
    best = (guess == judged.attributes["slant"]).mean()
    assert found.accuracy == pytest.approx(best, abs=0.01)


@every
def test_the_same_seed_gives_the_same_answer(probe, infnet, digits, splits, tiny):
    evidence = collect(raw(), infnet, digits, splits, tiny)
    assert probe()(evidence, "slant", 3) == probe()(evidence, "slant", 3)


@every
def test_more_than_two_values_and_few_pairs(probe, infnet, digits, splits, tiny):
    """Forty pairs, ten values of which some may not occur: still a guess among them."""
    few = replace(tiny, pairs=40)
    values = {"digit": (digits.labels + 3) % 10}
    data = replace(digits, attributes=values, attribute_names={})
    found = probe()(collect(raw(), infnet, data, splits, few), "digit", 0)
    assert found.accuracy > 0.3
