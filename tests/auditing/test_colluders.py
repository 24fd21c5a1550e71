"""Other devices' ObfNets: useless where each scrambles anew, as good as one's own where alike."""

import numpy as np
import pytest

from obfnet.auditing.attacks.label_only import LabelOnly
from obfnet.auditing.attacks.shadow import ShadowDecoder
from obfnet.auditing.evidence import collect
from obfnet.auditing.examinations.collusion import collusion
from obfnet.auditing.leakage import leakage
from obfnet.auditing.subject import Subject, raw
from obfnet.errors import NotMeasurableError


def blur(level):
    """Blends neighbouring columns, at a strength of its own: devices that are alike."""
    return lambda x: ((1 - level) * x + level * np.roll(x, 1, axis=3)).astype(np.float32)


def scramble(seed):
    """A permutation of its own: devices that are not."""
    order = np.random.default_rng(seed).permutation(64)
    return lambda x: x.reshape(len(x), 64)[:, order].reshape(x.shape)


ALIKE = [blur(level) for level in (0.1, 0.2, 0.3, 0.4)]
APART = [scramble(seed) for seed in range(4)]


@pytest.fixture(scope="module")
def gathered(infnet, digits, splits, tiny):
    def run(transform, **known):
        return collect(Subject("subject", transform, **known), infnet, digits, splits, tiny)

    return run


def leaked(evidence):
    found = ShadowDecoder()(evidence, 0)
    return leakage(found, LabelOnly()(evidence, 0), 0).value


def test_alike_devices_give_each_other_away(gathered):
    assert leaked(gathered(ALIKE[1], kin=(ALIKE[0], ALIKE[2], ALIKE[3]))) > 0.9


def test_devices_that_scramble_anew_do_not(gathered):
    assert leaked(gathered(APART[0], kin=tuple(APART[1:]))) < 0.3


def test_no_pair_of_the_subject_is_used(gathered):
    """The attack is the same whatever the subject's own pairs say."""
    evidence = gathered(ALIKE[1], kin=(ALIKE[0], ALIKE[2]))
    blind = gathered(np.zeros_like, kin=(ALIKE[0], ALIKE[2]))
    one, other = ShadowDecoder(), ShadowDecoder()
    one.fit(evidence.known, 0)
    other.fit(blind.known, 0)
    judged = evidence.evaluation
    assert np.array_equal(
        one.reconstruct(judged.released, judged.answers),
        other.reconstruct(judged.released, judged.answers),
    )


def test_without_kin_there_is_no_shadow(gathered):
    with pytest.raises(NotMeasurableError, match="kin"):
        ShadowDecoder()(gathered(ALIKE[0]), 0)


def test_collusion_tells_sets_apart(gathered):
    found = collusion(gathered(APART[0], kin=tuple(APART[1:])), gathered(raw().transform), 0)
    by_name = {each.name: each for each in found.measures}
    which = by_name["which of 4 ObfNets made x'"]
    assert which.value > 0.95
    assert 0.2 < which.floor < 0.7  # each is read as labels of its own, which tells a little
    own = by_name["leakage by its own pairs"].value
    assert own > 0.95
    for count in (1, 2, 3):
        assert by_name[f"leakage by pairs of {count} of 3 other ObfNets"].value < own - 0.5


def test_members_of_a_codebook_set_give_nothing(gathered, codebook):
    other = lambda x: codebook(x)[:, :, ::-1].copy()  # noqa: E731
    found = collusion(gathered(codebook, members=(codebook, other)), gathered(raw().transform), 0)
    assert [each.value for each in found.measures[1:]] == pytest.approx([0, 0], abs=0.02)


def test_one_obfnet_alone_cannot_collude(gathered):
    with pytest.raises(NotMeasurableError, match="one ObfNet only"):
        collusion(gathered(ALIKE[0]), gathered(raw().transform), 0)
    alone = gathered(ALIKE[0], kin=(ALIKE[1],), queries=False)
    with pytest.raises(NotMeasurableError, match="recorded elsewhere"):
        collusion(alone, gathered(raw().transform), 0)
