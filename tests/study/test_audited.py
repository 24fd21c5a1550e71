"""The study of audits: subjects are forged once, rows hold every attack, the page shows them."""

import json
from dataclasses import replace

import numpy as np
import pytest

from obfnet.auditing.audit import audit_all
from obfnet.auditing.effort import Effort
from obfnet.auditing.subject import Subject
from obfnet.mechanisms.bits import Bits
from obfnet.study import audit_subjects, cases
from obfnet.study.audit_subjects import WANTED, Wanted, backdoors, forged
from obfnet.study.audited import row
from obfnet.study.making import Workplace
from obfnet.study.results import KEYS
from obfnet.study.sheet import publish
from obfnet.study.transforms import gaussian_blur

TINY = Effort("tiny", ("mlp",), ("mlp",), (), pairs=500, mixtures=0, evaluated=200, steps=20)


@pytest.fixture(scope="module")
def place(digits, splits):
    return Workplace("digits-test", digits, splits, cases.case("digits"), 0)


@pytest.fixture(scope="module")
def codebook(place, infnet, tmp_path_factory):
    """Folder and subject of the study's own codebook, hardly trained."""
    folder = tmp_path_factory.mktemp("forged")
    (wanted,) = (each for each in WANTED["digits"] if each.name == "codebook")
    return folder, wanted, forged(place, infnet, wanted, folder, quick=True)


def test_a_subject_has_all_that_an_audit_asks_for(codebook):
    _, wanted, subject = codebook
    assert subject.name == "codebook"
    assert subject.mechanism == wanted.mechanism
    assert len(subject.kin) == wanted.devices - 1
    assert 0 <= subject.twin_accuracy <= 1
    assert subject.cost.params > 0


def test_a_second_call_forges_nothing(codebook, place, infnet, monkeypatch):
    folder, wanted, subject = codebook
    found = []

    def counting(*arguments, **more):
        found.append(more.get("twins", True))
        return real(*arguments, **more)

    real = audit_subjects.forge
    monkeypatch.setattr(audit_subjects, "forge", counting)
    stamps = {path: path.stat().st_mtime_ns for path in folder.rglob("*.safetensors")}
    again = forged(place, infnet, wanted, folder, quick=True)
    assert found == [False]
    assert again.twin_accuracy == subject.twin_accuracy
    assert stamps
    assert stamps == {path: path.stat().st_mtime_ns for path in folder.rglob("*.safetensors")}
    some = place.data.samples[:20]
    assert np.array_equal(again.transform(some), subject.transform(some))


def test_a_published_obfnet_has_the_width_that_was_asked_for(place, infnet, tmp_path):
    (wanted,) = (each for each in WANTED["digits"] if each.published)
    subject = forged(place, infnet, replace(wanted, width=5, devices=1), tmp_path, quick=True)
    assert subject.cost.params == 64 * 5 + 5 + 5 * 64 + 64
    assert subject.mechanism.name == "none"


def test_every_folder_of_a_plan_is_its_own():
    for wanted in WANTED.values():
        names = [each.name for each in wanted]
        assert len(set(names)) == len(names)


def test_rows_and_page_show_every_attack(place, infnet, digits, splits, codebook, tmp_path):
    subjects = [None, Subject("blur 1", gaussian_blur(1)), codebook[2]]
    reports = audit_all(subjects, infnet, digits, splits, 0, TINY, tmp_path / "parts", 1)
    rows = [row(place, report) for report in reports]
    assert all(set(each) <= set(KEYS) for each in rows)
    raw, blur, ours = rows
    assert raw["obfnet"] == "raw"
    assert "mechanism" not in raw
    assert [each["attack"] for each in blur["tried"]] == ["mlp"]
    assert blur["tried"][0]["leakage"]["mse"]["value"] == blur["leakage"]
    assert ours["certified_bits"] == pytest.approx(np.log2(10))
    assert ours["twin_accuracy"] == codebook[2].twin_accuracy
    path = publish(tmp_path, "obfnet study audit", rows, 1.0, "Audits", "A note.")
    assert json.loads(path.read_text())["rows"][1] == blur
    page = (tmp_path / "index.html").read_text()
    assert "Every attack" in page
    assert "blur 1" in page
    assert f"{ours['leakage']:.3f}" in page
    assert page.count("<table>") == 2


def test_what_json_cannot_hold_is_null(place, infnet, digits, splits, tmp_path):
    """An uncertified mechanism has infinitely many bits."""
    from obfnet.mechanisms.none import NoMechanism

    subject = Subject("as it is", lambda x: x, mechanism=NoMechanism())
    (report,) = audit_all([subject], infnet, digits, splits, 0, TINY, tmp_path / "parts", 1)
    found = row(place, replace(report, agreement=float("nan")))
    assert found["certified_bits"] is None
    assert found["excess_bits"] is None
    assert found["agreement"] is None


def test_a_plan_is_for_the_classes_there_are(digits):
    for wanted in (each for plan in WANTED.values() for each in plan):
        assert isinstance(wanted, Wanted)
        assert wanted.mechanism.name != "codebook" or wanted.mechanism.codes == len(digits.classes)
    assert Bits(8) in [each.mechanism for each in WANTED["mnist"]]


def test_backdoors_are_in_what_is_sent_and_in_the_code(codebook, digits):
    _, _, subject = codebook
    sent, coded = backdoors(subject, digits.spec)
    samples = digits.samples[:100]
    assert len(np.unique(sent.transform(samples), axis=0)) > 10
    assert len(np.unique(coded.transform(samples), axis=0)) <= 10
    assert sent.mechanism is None
    assert coded.mechanism == subject.mechanism
