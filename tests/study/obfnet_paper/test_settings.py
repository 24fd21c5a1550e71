"""What the studies ask for: every row of the paper, each in a folder of its own."""

import pytest

from obfnet.data.loading import load
from obfnet.mechanisms.codebook import Codebook
from obfnet.study.obfnet_paper import asl, digits, fsd, mnist
from obfnet.study.obfnet_paper.trial import Setting

SMALL = tuple(asl._small(label) for label in asl.SPLITS)
LARGE = tuple(asl._large(label) for label in asl.SPLITS)
FSD = fsd._settings()
MNIST = tuple(mnist._setting(label) for label in mnist.CLEAN)
STUDIES = (FSD, MNIST, (*SMALL, asl.MASSEY), LARGE, (digits.SETTING,))
EVERY = [setting for study in STUDIES for setting in study]


@pytest.mark.parametrize("study", STUDIES)
def test_no_two_settings_or_trials_share_a_folder(study):
    assert len({setting.name for setting in study}) == len(study)
    for setting in study:
        assert "/" not in setting.name
        names = [trial.name for trial in setting.trials]
        assert len(set(names)) == len(names)
        assert "raw" not in names


@pytest.mark.parametrize("setting", EVERY, ids=lambda each: each.name)
def test_ours_stand_beside_the_papers(setting: Setting):
    for trial in setting.trials:
        assert bool(trial.published) == (trial.mechanism.name == "none")
        assert not trial.paper or all(0.9 < value < 1 for value in trial.paper)
        assert not trial.paper or trial.differs
        if isinstance(trial.mechanism, Codebook):
            assert trial.mechanism.codes == {
                "asl29": 29, "asl24": 24, "massey": 36,
            }.get(setting.data, 10)  # fmt: skip


def test_a_codebook_stands_beside_every_infnet():
    for study in (FSD, MNIST, (*SMALL, asl.MASSEY), LARGE):
        for setting in study:
            assert "codebook" in [trial.name for trial in setting.trials]


def test_figure_6_is_ten_seeds_of_four_pairs():
    rows = [
        (setting.data, trial.name, setting.label, trial.seeds)
        for setting in FSD
        if setting.audited
        for trial in setting.trials
        if trial.figure == "Fig. 6"
    ]
    assert len(rows) == len(set(rows)) == 8
    assert {seeds for data, _, _, seeds in rows if data == "fsd4"} == {10}


def test_other_draws_are_of_the_same_clips_and_accuracy_alone():
    data = load("digits")
    drawn = [setting for setting in FSD if not setting.audited]
    assert [setting.label for setting in drawn] == ["I_C"] * 4 + ["I_M"] * 4
    tests = [setting.split(data, 0).test for setting in (FSD[0], *drawn[:4])]
    assert len({tuple(test) for test in tests}) == 5
    assert (drawn[0].split(data, 0).test == drawn[4].split(data, 0).test).all()
    assert {trial.audited for setting in drawn for trial in setting.trials} == {0}


def test_figure_10_is_every_width():
    for setting in MNIST:
        widths = [trial.width for trial in setting.trials if trial.figure == "Fig. 10"]
        assert widths == [8, 16, 32, 64, 128, 256, 512] * 2
    paper = {t.paper for t in MNIST[0].trials if t.name.startswith("O_M")}
    assert paper == {(0.9792, 0.9889)}


def test_signs_are_split_both_ways():
    for settings in (SMALL, LARGE):
        assert {setting.split for setting in settings} == set(asl.SPLITS.values())
    assert [setting.attributes for setting in SMALL] == [True, False]
    assert [setting.recordings for setting in (*SMALL, *LARGE)] == [False, True] * 2
