"""Reports as JSON and as pages: complete, read back, self-contained, and readable aloud."""

import base64
import io
import json
import re
import wave
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from obfnet.auditing import report_json
from obfnet.auditing.adapters import subject_of
from obfnet.auditing.examination import Examined, Measure
from obfnet.auditing.pages.exhibits import exhibits
from obfnet.auditing.pages.figures import decibels
from obfnet.auditing.pages.report_page import render
from obfnet.auditing.published import publish, republish
from obfnet.auditing.report_json import About
from obfnet.auditing.shown import Shown
from obfnet.auditing.verdict.criteria import read
from obfnet.data import mfcc
from obfnet.errors import SpecError
from obfnet.mechanisms.none import NoMechanism
from obfnet.study.results import KEYS

ABOUT = About("digits", "I_M", "random, seed 0", "obfnet audit <codebook>", "CC BY 4.0")
LINKS = Examined(
    "linkability",
    "Can samples be linked?",
    "pairs",
    (Measure("same <speaker>, EER", 0.47, (0.44, 0.5), 0.5, 0.03, "fraction"),),
    "Half is a coin.",
)


@pytest.fixture(scope="module")
def report(codebook, infnet, digits, splits, quickly):
    subject = replace(subject_of(codebook), twin_accuracy=0.9)
    found = quickly(subject, infnet, digits, splits)
    return replace(
        found,
        examined={"linkability": LINKS},
        unmeasured={"optimisation": "needs gradients", "flow": "is <slow>"},
    )


@pytest.fixture(scope="module")
def folder(report, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report") / "codebook"
    publish(folder, report, ABOUT, read('[criteria]\nleak = "leakage <= .05"'))
    return folder


@pytest.fixture
def page(folder):
    return (folder / "index.html").read_text()


class Outline(HTMLParser):
    """Checks that every element is closed, and gathers what a screen reader needs."""

    VOID = ("meta", "img", "br", "link", "circle", "path", "polyline")

    def __init__(self, page):
        super().__init__()
        self.open, self.seen, self.text = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def of(self, tag):
        return [attrs for name, attrs in self.seen if name == tag]


def test_everything_that_was_found_is_read_back(folder, report):
    content = report_json.read(folder)
    assert content["row"]["leakage"] == report.leakage.value
    assert content["row"].keys() <= KEYS.keys()
    assert content["row"]["certified_bits"] == pytest.approx(np.log2(10))
    assert content["row"]["macs"] == report.subject.cost.macs
    assert content["row"]["twin_accuracy"] == 0.9
    (tried,) = content["tried"]
    assert tried["attack"] == "mlp"
    assert tried["leakage"].keys() == report.tried[0].leakage.keys()
    assert tried["leakage"]["mse"]["floor_error"] == report.leakage.floor_error
    assert tried["sane"]
    assert content["scores"].keys() == report.scores.keys()
    assert content["scores"]["mse"]["leakage"]["value"] == report.leakage.value
    assert content["attributes"]["slant"]["best"]["chance"] == report.attributes["slant"].chance
    assert content["attributes"]["slant"]["probes"].keys() == {"mlp"}
    assert content["attributes"]["slant"]["raw"]["accuracy"] > 0.7
    assert content["examined"]["linkability"]["measures"][0]["ci"] == [0.44, 0.5]
    assert content["unmeasured"]["flow"] == "is <slow>"
    assert content["effort"]["steps"] == report.effort.steps
    assert content["counts"]["evaluation samples"] == report.evaluated
    assert content["verdict"]["passed"]
    for key in ("git", "versions", "machine", "date", "command", "seed", "seconds"):
        assert key in content


def test_other_attacks_than_the_presets_are_said_not_to_be_tried(folder):
    untried = report_json.read(folder)["untried"]
    assert {"flow", "optimisation", "shadow"} <= set(untried["attacks"])
    assert "mlp" not in untried["attacks"]
    assert "linkability" in untried["examinations"]


def test_what_json_has_no_word_for_is_none(report):
    endless = replace(LINKS, measures=(Measure("endless", float("inf")),))
    content = report_json.to_dict(replace(report, examined={"x": endless}), ABOUT)
    assert content["examined"]["x"]["measures"][0]["value"] is None
    json.dumps(content, allow_nan=False)
    assert "endless" in render(content, None)


def test_the_page_is_well_formed_and_loads_nothing(page):
    outline = Outline(page)
    assert outline.open == []
    assert not outline.of("script")
    assert not outline.of("link")
    for tag in ("img", "audio"):
        assert all(attrs["src"].startswith("data:") for attrs in outline.of(tag))
    assert not re.search(r"""(src|href)=["'](https?:)?//""", page)
    assert "url(" not in page


def test_the_page_can_be_heard(page):
    outline = Outline(page)
    assert outline.of("html") == [{"lang": "en"}]
    assert len(outline.of("h1")) == 1
    assert len(outline.of("table")) == len(outline.of("caption"))
    assert all(attrs.get("scope") in ("col", "row") for attrs in outline.of("th"))
    assert outline.of("img")
    assert all(attrs.get("alt") for attrs in outline.of("img"))


def test_verdict_and_label_come_before_any_figure(page):
    places = [
        page.index(words) for words in ("Verdict: pass", "The label always leaks", "In short")
    ]
    assert places == sorted(places)


def test_the_page_says_what_a_reader_asks(page, report):
    words = " ".join("".join(Outline(page).text).split())
    for said in (
        f"{report.leakage.value:.3f}",
        f"{report.attributes['slant'].chance:.1%}",
        "same <speaker>, EER",
        "is <slow>",
        "obfnet audit <codebook>",
        "CC BY 4.0",
        "x' tells at most 3.32 bits about x",
        "The twin is as good" if report.accuracy <= 0.905 else "Asking the InfNet is worth",
        decibels(report.leakage.floor_error, 1.0),
        f"{report.subject.cost.params:,}",
    ):
        assert said in words


def test_four_rows_of_pictures_are_shown(page):
    pictures = Outline(page).of("img")
    assert len(pictures) == 4 * 8
    assert len({attrs["src"] for attrs in pictures}) > 16


def test_another_verdict_changes_the_page_and_nothing_else(folder, tmp_path):
    before = report_json.read(folder)
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    after = republish(tmp_path, read('[criteria]\nbits = "certified_bits <= 1"'))
    assert not after["verdict"]["passed"]
    assert "Verdict: fail" in (tmp_path / "index.html").read_text()
    assert {**after, "verdict": None} == {**before, "verdict": None}
    assert republish(tmp_path)["verdict"] == after["verdict"]


def test_a_page_without_samples_says_so(folder, tmp_path):
    (tmp_path / "report.json").write_bytes((folder / "report.json").read_bytes())
    (tmp_path / "samples.npz").write_bytes(b"damaged")
    republish(tmp_path)
    assert "No samples were kept" in (tmp_path / "index.html").read_text()


@pytest.mark.parametrize("mechanism", [None, NoMechanism()])
def test_what_proves_nothing_is_never_called_certified(report, mechanism):
    bare = replace(report.subject, mechanism=mechanism, cost=None, twin_accuracy=None)
    content = report_json.to_dict(replace(report, subject=bare), ABOUT)
    assert content["row"].get("certified_bits") is None
    page = render(content, None)
    assert "How releases add up" not in page
    assert "Nothing. No mechanism limits what leaves the device" in page
    assert "No verdict" in page


def test_a_forge_keeps_its_own_report(report, tmp_path):
    (tmp_path / "forge.json").write_text("{}")
    with pytest.raises(SpecError, match="is a forge's folder"):
        publish(tmp_path, report, ABOUT)
    assert not (tmp_path / "report.json").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"form": 99}', '{"obfnets": 3}'])
def test_what_is_no_report_is_refused(tmp_path, text):
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(SpecError, match=r"report\.json"):
        report_json.read(tmp_path)


def test_sound_can_be_played(digits):
    """One clip of each kind, as 16-bit mono at the rate of the data."""
    generator = np.random.default_rng(0)
    samples = generator.uniform(-0.3, 0.3, (1, 1, 20, 45)).astype(np.float32)
    shown = Shown(samples, -samples, samples, np.zeros_like(samples))
    sample = {"shape": [1, 20, 45], "low": -1, "high": 1, "kind": "mfcc"}
    part = exhibits({"sample": sample, "row": {"best_attack": "mlp"}}, shown)
    players = Outline(part).of("audio")
    assert len(players) == 4
    assert all(attrs["aria-label"] for attrs in players)
    content = base64.b64decode(players[0]["src"].removeprefix("data:audio/wav;base64,"))
    with wave.open(io.BytesIO(content)) as clip:
        assert (clip.getnchannels(), clip.getsampwidth(), clip.getframerate()) == (1, 2, mfcc.RATE)
        heard = np.frombuffer(clip.readframes(clip.getnframes()), "<i2")
    assert len(heard) == mfcc.LENGTH
    assert 0.8 * 32767 < np.abs(heard).max() <= 0.91 * 32767
