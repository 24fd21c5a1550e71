"""Studies of forging: rows, pages, plots, and how the bench compares."""

import json
from dataclasses import replace

import numpy as np
import pytest

from obfnet.errors import UnknownNameError
from obfnet.forging.fleet import forge
from obfnet.forging.loop import Schedule
from obfnet.nets.budget import Budget
from obfnet.study import bench_forge, studies
from obfnet.study.forge_timing import Timed
from obfnet.study.forged import over_seeds, row
from obfnet.study.plot import Point, scatter
from obfnet.study.results import KEYS
from obfnet.study.sheet import publish


@pytest.fixture(scope="module")
def found(infnet, digits, splits):
    fleet = forge(
        infnet, digits, size=2, splits=splits, schedule=Schedule(2, 64, 3e-3),
        budget=Budget(params=2000),
    )  # fmt: skip
    held = digits.take(splits.test)
    return fleet, row(fleet, infnet, held, [0, 1]) | {"infnet": "I_M", "split": "random"}


def test_a_row_is_what_the_infnet_says(found, infnet, digits, splits):
    fleet, made = found
    held = digits.take(splits.test)
    by_hand = [
        (infnet.predict(each(held.samples)) == held.labels).mean() for each in fleet[0].obfnets
    ]
    assert made["accuracies"] == pytest.approx(by_hand)
    assert made["accuracy"] == pytest.approx(np.mean(by_hand))
    assert made["drop"] == pytest.approx(made["clean_accuracy"] - made["accuracy"])
    assert made["params"] <= 2000
    twin = fleet[0].twin
    assert made["twin_accuracy"] == (twin.predict(held.samples) == held.labels).mean()
    assert set(made) <= set(KEYS)


def test_a_clean_accuracy_that_is_known_is_not_asked_for(found, infnet, digits, splits):
    fleet, _ = found
    asked = []

    class Noting(type(infnet)):
        def log_probabilities(self, samples, batch=512):
            asked.append(samples)
            return super().log_probabilities(samples, batch)

    noting = Noting(infnet.module, infnet.digest, infnet.reading)
    held = digits.take(splits.test)
    assert row(fleet, noting, held, [0, 1], clean=0.5)["clean_accuracy"] == 0.5
    assert not any(np.array_equal(samples, held.samples) for samples in asked)


def test_results_and_page(found, tmp_path):
    made = found[1]
    path = publish(tmp_path, "obfnet study x", [made, made, made], 1.0, "A <title>", "A note.")
    assert json.loads(path.read_text())["rows"][0]["accuracy"] == made["accuracy"]
    page = (tmp_path / "index.html").read_text()
    assert "A &lt;title&gt;" in page
    assert f"{made['accuracy']:.2%}" in page
    assert page.count("<svg") == 2  # against bits and against MACs
    assert "http" not in page.replace("http://www.w3.org", "")


def test_the_interval_over_seeds():
    low, high = over_seeds([0.98, 0.99, 1.0, 0.99, 0.98, 0.99, 1.0, 0.99, 0.98, 1.0])
    assert (low + high) / 2 == pytest.approx(0.99)
    assert high - low == pytest.approx(2 * 2.262 * 0.00816497 / 10**0.5, rel=1e-4)


def test_the_interval_of_one_seed_is_over_samples(found, infnet, digits, splits):
    fleet, _ = found
    held = digits.take(splits.test)
    made = row(fleet[:1], infnet, held, [0])
    alone = row([replace(fleet[0], obfnets=fleet[0].obfnets[:1])], infnet, held, [0])
    low, high = alone["accuracy_ci"]
    assert low < alone["accuracy"] < high
    assert len(made["accuracies"]) == 2


def test_a_plot_has_every_point_inside():
    drawn = scatter([Point(1, 0.1, "a&b", True), Point(1000, 0.9, "c", False)], "x", "y")
    assert drawn.count("<circle") == 2
    assert "a&amp;b" in drawn


def test_the_bench_divides_the_baseline_by_the_subject():
    each = bench_forge.COMPARISONS[0]
    rounds = [
        {each.subject: Timed(2.0, 0.97, 0.968, 32), each.baseline: Timed(100.0, 0.97, 0.965, 1)},
        {each.subject: Timed(1.0, 0.97, 0.970, 32), each.baseline: Timed(80.0, 0.97, 0.967, 1)},
    ]
    made = bench_forge._row(each, rounds, 0)
    assert made["ratio"] == 65
    assert made["ratio_ci"] == [50, 80]
    assert (made["value"], made["baseline_value"]) == (1.5, 90)
    assert set(made) <= set(KEYS)


def test_an_unknown_study_is_told_what_there_is():
    with pytest.raises(UnknownNameError, match="forge-mnist"):
        studies.find("forge")
