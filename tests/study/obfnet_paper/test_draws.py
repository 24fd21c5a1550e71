"""Means over draws of one split."""

import pytest

from obfnet.study.obfnet_paper.draws import draw_label, means, section

FIRST, SECOND = "random 80/10/10", draw_label(2, "random 80/10/10")


def row(split, accuracy, obfnet="O_M", **more):
    asked = {"dataset": "fsd4", "infnet": "I_C", "obfnet": obfnet, "split": split}
    found = {"clean_accuracy": 0.99, "accuracy": accuracy, "validation_accuracy": 0.98}
    return asked | found | more


def test_an_obfnet_on_two_draws_is_their_mean():
    rows = [row(FIRST, 0.9, paper=[0.95]), row(SECOND, 0.8, paper=[0.95])]
    (found,) = means(rows)
    assert found["draws"] == 2
    assert found["untouched"] == (pytest.approx(0.85), 0.8, 0.9)
    assert found["chosen"] == pytest.approx((0.98,) * 3)
    assert found["paper"] == [0.95]
    assert "85.00% (80.0% to 90.0%)" in section(rows)


def test_one_draw_other_splits_and_raw_samples_have_no_mean():
    raw = row(FIRST, 0.9, "raw")
    del raw["validation_accuracy"]
    rows = [raw, raw | {"split": SECOND}, row(FIRST, 0.9), row("sessions held out", 0.8)]
    assert means(rows) == []
    assert section(rows) == ""


def test_a_draws_label_begins_with_a_word_of_its_own():
    assert draw_label(3, FIRST).split()[0] == "draw-3"
