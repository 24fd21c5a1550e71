"""What the label gives away is no leakage, under whatever score."""

from dataclasses import replace

import numpy as np
import pytest

from obfnet.auditing.attack import Attack, Reconstruction
from obfnet.auditing.attacks.label_conditional import LabelConditional
from obfnet.auditing.attacks.label_only import LabelOnly
from obfnet.auditing.evidence import collect
from obfnet.auditing.leakage import best_floor, leakage, recovered
from obfnet.auditing.scores import SCORES
from obfnet.auditing.subject import raw


@pytest.fixture(scope="module")
def plain(infnet, digits, splits, tiny):
    return collect(raw(), infnet, digits, splits, tiny)


@pytest.fixture(scope="module")
def floors(plain):
    return LabelOnly()(plain, 0), LabelConditional()(plain, 0)


def test_the_mean_is_not_the_best_guess_under_other_scores(floors):
    mean, conditional = floors
    assert np.array_equal(mean.scores["mse"], conditional.scores["mse"])
    for score in ("ssim", "pyramid"):
        assert conditional.scores[score].mean() < 0.97 * mean.scores[score].mean()
        assert best_floor(floors, score) is conditional


def test_the_floor_is_chosen_by_validation_alone():
    def floor(name, validation, scores):
        values = {"mse": np.full(4, validation)}
        return Reconstruction(name, np.zeros((4, 1)), {"mse": np.full(4, scores)}, values)

    better, luckier = floor("better", 1.0, 3.0), floor("luckier", 2.0, 0.1)
    assert best_floor([luckier, better]) is better


def test_pictures_stay_in_the_value_range_and_know_only_the_label(plain, floors):
    attack = LabelConditional()
    attack.fit(plain.known, 0)
    answers = plain.evaluation.answers
    for pictures in attack.tailored(plain.evaluation.released * 0, answers).values():
        plain.known.spec.check(pictures)
        for label in np.unique(answers):
            assert (pictures[answers == label] == pictures[answers == label][0]).all()
    again = LabelConditional()(plain, 0)
    for score in SCORES:
        assert np.array_equal(again.scores[score], floors[1].scores[score])


def test_an_answer_that_never_occurs_has_a_picture(plain):
    known = plain.known
    train = replace(known.train, answers=np.zeros_like(known.train.answers))
    found = LabelConditional()(replace(plain, known=replace(known, train=train)), 0)
    assert all(np.isfinite(scores).all() for scores in found.scores.values())


def test_an_attack_may_answer_otherwise_under_each_score(plain):
    """Grey where squared error judges, the sample itself where similarity does."""

    class TwoFaced(Attack):
        name = "two-faced"

        def fit(self, known, seed):
            pass

        def reconstruct(self, released, answers):
            return np.full_like(released, 0.5)

        def tailored(self, released, answers):
            return {"ssim": released}

    found = TwoFaced()(plain, 0)
    assert found.scores["ssim"].max() < 1e-6
    assert found.scores["mse"].min() > 0.01
    assert (found.samples == 0.5).all()


def test_leakage_and_its_value_alone_agree(floors):
    mean, conditional = floors
    found = leakage(conditional, mean, 0, "ssim")
    assert found.value == recovered(conditional, mean, "ssim") > 0
    assert found.ci[0] <= found.value <= found.ci[1]
    assert recovered(mean, conditional, "ssim") == 0


def test_a_report_names_the_best_attack_under_each_score(codebook, infnet, digits, splits, quickly):
    protected = quickly(codebook, infnet, digits, splits)
    mirrored = quickly(lambda x: 1 - x, infnet, digits, splits)
    assert set(protected.scores) == set(SCORES) == set(mirrored.scores)
    for score in SCORES:
        assert protected.scores[score].leakage.value <= 0.02
        assert mirrored.scores[score].leakage.value > 0.9
        assert mirrored.scores[score].sane
    assert protected.scores["pyramid"].floor == "label-conditional"
    assert protected.scores["mse"].leakage == protected.leakage
    assert {row.attack for row in protected.tried} == {"mlp"}


def test_accuracies_have_intervals(codebook, infnet, digits, splits, quickly):
    report = quickly(codebook, infnet, digits, splits)
    for name in ("clean_accuracy", "accuracy", "agreement"):
        low, high = getattr(report, f"{name}_ci")
        assert low < getattr(report, name) < high
        assert high - low < 0.15
