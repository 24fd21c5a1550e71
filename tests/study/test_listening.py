"""Panels: who never met x' is fooled by it, the adaptive one is not, and chance is told apart."""

import json
from dataclasses import replace

import numpy as np
import pytest

from obfnet import data, freeze
from obfnet.auditing.examinations.listeners import LISTENERS
from obfnet.auditing.listeners.listener import WORDS
from obfnet.auditing.subject import Subject
from obfnet.errors import MissingExtraError
from obfnet.nets.fsd import mlp_infnet
from obfnet.study import cases, listening, listening_clips
from obfnet.study.alternatives_offer import Bench
from obfnet.study.confusion import confusion, constant_guess, exact_interval, scored, table
from obfnet.study.listening_clips import PACKAGES, clip_panel, installed
from obfnet.study.listening_panel import ADAPTIVE, Counts
from obfnet.study.listening_pictures import DENSE, NEAREST, picture_panel
from obfnet.study.making import Workplace
from obfnet.study.results import KEYS
from obfnet.study.sheet import publish
from real_data import or_skip


@pytest.fixture(scope="module")
def bench(infnet, digits, splits, tmp_path_factory):
    place = Workplace("digits-listening", digits, splits, cases.case("digits"), 0)
    return Bench(place, infnet, tmp_path_factory.mktemp("listening"), quick=True)


@pytest.fixture(scope="module")
def panel(bench):
    made = picture_panel(bench)
    schedule = replace(made.schedule, epochs=80, batch=32)
    return replace(made, counts=Counts(1800, 9000, 1800), schedule=schedule)


def test_confusion_counts_every_answer_once():
    counts = confusion(np.array([0, 0, 2]), np.array([0, 1, -1]), 3)
    assert counts == [[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]]
    html = table("a < b", counts, "xyz")
    assert "a &lt; b" in html
    assert html.count("<tr>") == 4


@pytest.mark.parametrize(
    ("hits", "count", "expected"),
    [(0, 10, (0, 0.3085)), (10, 10, (0.6915, 1)), (4, 100, (0.0110, 0.0993)), (0, 0, (0, 1))],
)
def test_intervals_are_the_exact_ones_of_the_tables(hits, count, expected):
    assert exact_interval(hits, count) == pytest.approx(expected, abs=1e-4)


def test_chance_is_told_from_knowledge():
    truth = np.arange(100) % 10
    assert scored(truth, np.zeros(100, np.int64), 10, 0.1)["p_value"] > 0.4
    assert scored(truth, np.where(np.arange(100) < 30, truth, -1), 10, 0.1)["p_value"] < 1e-6


def test_chance_is_of_what_was_learnt_and_not_of_what_is_asked():
    learnt, truth = np.array([2, 2, 1]), np.array([1, 1, 1, 2])
    assert constant_guess(learnt, truth) == 0.25


def test_the_label_alone_is_the_infnets_answer_to_what_is_sent(panel):
    """An InfNet that calls everything the same leaves the most frequent value, and no more."""
    still = replace(panel, fixed={}, counts=Counts(40, 40, 40))
    mute = Subject("mute", np.zeros_like)
    for found in still(mute)["attributes"].values():
        assert found["label_only"] == found["chance"]


def test_who_knows_raw_pictures_only_is_fooled_and_who_adapts_is_not(panel):
    plain = panel(Subject("raw", lambda samples: samples))["listeners"]
    backwards = Subject("permuted", lambda samples: np.ascontiguousarray(samples[:, :, ::-1, ::-1]))
    turned = panel(backwards)
    for name in (DENSE, NEAREST):
        assert plain[name]["accuracy"] > turned["listeners"][name]["accuracy"] + 0.2
        assert not plain[name]["adaptive"]
    assert turned["listeners"][ADAPTIVE]["accuracy"] > 0.7
    assert turned["listeners"][ADAPTIVE]["adaptive"]
    assert turned["attributes"].keys() == panel.bench.place.data.attributes.keys()


def test_rows_are_found_again_and_shown(bench, tmp_path, monkeypatch):
    monkeypatch.setattr(listening, "wanted", lambda _: ())
    first = list(listening.rows_of(bench))
    monkeypatch.setattr(listening, "picture_panel", None)
    again = list(listening.rows_of(bench))
    assert first == again
    assert set(first[0]) <= set(KEYS)
    publish(tmp_path, "test", again, 1.0, "t", "n", listening.COLUMNS, listening.matrices)
    page = (tmp_path / "index.html").read_text()
    assert page.count("<caption>") == 3
    assert json.loads((tmp_path / "results.json").read_text())["rows"] == again


def test_a_recogniser_that_was_installed_since_is_asked(bench, monkeypatch):
    assert PACKAGES.keys() == LISTENERS.keys()
    monkeypatch.setattr(listening_clips, "find_spec", lambda name: name == "pocketsphinx" or None)
    assert installed() == ("PocketSphinx",)
    monkeypatch.setattr(listening, "wanted", lambda _: ())
    heard = replace(bench.place.data, kind="mfcc")
    clips = replace(bench, place=replace(bench.place, data=heard))
    found = []
    monkeypatch.setattr(listening, "kept", lambda path, *_: found.append(path.name))
    list(listening.rows_of(clips))
    monkeypatch.setattr(listening_clips, "find_spec", lambda name: True)
    list(listening.rows_of(clips))
    assert found[0] != found[1]


def test_a_recogniser_that_is_missing_is_left_out_and_sound_is_made_once(tmp_path, capsys):
    clips = or_skip(lambda: data.load("fsd"))
    place = Workplace("fsd-listening", clips, data.split(clips, 0), cases.case("fsd"), 0)
    net = freeze(mlp_infnet(clips.spec.shape))
    bench = Bench(place, net, tmp_path, quick=True)

    def missing(_):
        raise MissingExtraError("install it")

    def loud(practice):
        level = np.abs(practice).mean()
        return lambda sound: np.where(np.abs(sound).mean(axis=1) > level, 3, -1)

    made = clip_panel(bench, {"missing": missing, "loud": loud})
    assert "left out: install it" in capsys.readouterr().err
    silence = Subject("silent", lambda samples: np.full_like(samples, -1))
    few = replace(made, counts=Counts(20, 20, 20))
    found = few(silence)
    assert found["listeners"]["loud"]["accuracy"] == 0
    assert [row[-1] for row in found["listeners"]["loud"]["confusion"]] == [
        int(n) for n in np.bincount(few_labels(bench), minlength=len(WORDS))
    ]
    assert set(found["attributes"]) == {"speaker", "accent", "loudness", "duration"}
    kept = len(list((tmp_path / "sound").glob("*.npy")))
    few(silence)
    assert len(list((tmp_path / "sound").glob("*.npy"))) == kept == 2  # practice, and silence


def few_labels(bench):
    from obfnet.study.listening_panel import drawn

    return drawn(bench, "evaluation", 2).labels
