"""Auditing, reporting and comparing from the command line, on digits with little effort."""

import contextlib
import io
import json
import sys
from unittest.mock import patch

import numpy as np
import pytest

from obfnet import data
from obfnet.auditing import effort as efforts
from obfnet.auditing import report_json
from obfnet.auditing.effort import Effort
from obfnet.cli import main
from obfnet.forging.kept_fleet import load_fleet

TINY = Effort(
    "tiny",
    attacks=("mlp",),
    probes=("mlp",),
    examinations=(),
    pairs=2_000,
    mixtures=0,
    evaluated=1_000,
    steps=150,
)
CODE = """
import numpy as np

def thumbnail(samples):
    blocks = samples.reshape(-1, 1, 2, 4, 2, 4).mean(axis=(3, 5), keepdims=True)
    return np.broadcast_to(blocks, (len(samples), 1, 2, 4, 2, 4)).reshape(samples.shape).copy()

class Net:
    pass
"""


@pytest.fixture(scope="module", autouse=True)
def little_effort():
    with patch.object(efforts, "PRESETS", {"tiny": TINY}):
        yield


def call(*arguments):
    """Exit status, standard output and standard error of one command, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with (
        patch.object(sys, "argv", ["obfnet", *map(str, arguments)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        status = main()
    return status, out.getvalue(), err.getvalue()


def refused(*arguments):
    """The one line of a command that ends with an error of the library."""
    status, _, err = call(*arguments)
    assert status == 1
    (line,) = [line for line in err.splitlines() if line.startswith("error: ")]
    return line


def audit(*arguments):
    return call("audit", *arguments, "--effort", "tiny")


@pytest.fixture(scope="module")
def infnet(tmp_path_factory):
    folder = tmp_path_factory.mktemp("train") / "infnet"
    command = ["train", "--data", "digits", "--infnet", "mnist-im", "--out", folder, "--no-onnx"]
    assert call(*command, "--epochs", 15, "--batch", 64, "--rate", 3e-3)[0] == 0
    return folder


@pytest.fixture(scope="module")
def fleet(infnet, tmp_path_factory):
    folder = tmp_path_factory.mktemp("forge") / "fleet"
    small = ["--encoder", "mlp", "--set", "encoder.hidden=[32]", "--epochs", "4"]
    flags = ["--infnet", infnet, "--data", "digits", "--devices", 2, *small, "--out", folder]
    assert call("forge", *flags)[0] == 0
    return folder


@pytest.fixture(scope="module")
def criteria(tmp_path_factory):
    path = tmp_path_factory.mktemp("criteria") / "criteria.toml"
    path.write_text('[criteria]\nleak = "leakage <= .05"\nbits = "certified_bits <= 4"\n')
    return path


@pytest.fixture(scope="module")
def audited(fleet, criteria, tmp_path_factory):
    """The folder of an audit of one device of a fleet."""
    folder = tmp_path_factory.mktemp("audit") / "codebook"
    status, out, err = audit(fleet, "--out", folder, "--criteria", criteria)
    assert status == 0, err
    assert "verdict: PASS" in out
    assert "leakage" in out
    return folder


def test_a_fleet_brings_infnet_data_twin_and_kin(audited, fleet):
    content = report_json.read(audited)
    assert content["subject"]["kin"] == 1  # the other device
    assert content["infnet"] == "mnist-im"
    assert content["dataset"] == "digits"
    assert content["command"].startswith("obfnet audit ")
    twins = json.loads((fleet / "report.json").read_text())["twin_accuracy"]
    assert content["subject"]["twin_accuracy"] == twins["device-0"]
    assert "Verdict: pass" in (audited / "index.html").read_text()
    (row,) = json.loads((audited / "results.json").read_text())["rows"]
    assert row == content["row"]


def test_a_second_call_goes_on_with_finished_parts(audited, fleet):
    parts = {path: path.stat().st_mtime_ns for path in audited.glob("parts/*/*.*")}
    assert len([path for path in parts if path.stem == "attack-mlp"]) == 2  # on raw samples too
    first = report_json.read(audited)["row"]
    assert audit(fleet, "--out", audited)[0] == 0
    assert {path: path.stat().st_mtime_ns for path in audited.glob("parts/*/*.*")} == parts
    assert report_json.read(audited)["row"] == first


def test_several_subjects_are_compared_and_a_failed_one_is_status_3(
    fleet, infnet, audited, criteria, tmp_path, monkeypatch
):
    (tmp_path / "thumbs.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    command = [fleet / "device-1.obfnet", "raw", "thumbs:thumbnail", "--out", "audits"]
    given = ["--infnet", infnet, "--data", "digits"]
    status, out, err = audit(*command, *given, "--criteria", criteria)
    assert status == 3, err
    assert "leak: leakage <= .05" in out
    verdicts = {
        path.parent.name: report_json.read(path.parent)["verdict"]["passed"]
        for path in (tmp_path / "audits").glob("*/report.json")
    }
    assert verdicts == {"codebook-10": True, "raw": False, "thumbnail": False}
    page = (tmp_path / "audits" / "index.html").read_text()
    assert "<svg" in page
    assert "thumbnail" in page

    status, out, _ = call("compare", "audits", audited, "--out", "compared")
    assert status == 0
    assert "No other is better in accuracy and leakage than" in out
    assert (tmp_path / "compared" / "index.html").exists()


def test_recorded_pairs_bring_their_own_data(fleet, infnet, tmp_path):
    digits = data.load("digits")
    released = load_fleet(fleet)[0](digits.samples)
    path = tmp_path / "pairs.npz"
    slant = digits.attributes["slant"]
    np.savez(
        path,
        originals=digits.samples,
        released=released,
        labels=digits.labels,
        attribute_slant=slant,
    )
    status, _, err = audit(path, "--infnet", infnet, "--kind", "image", "--out", tmp_path / "out")
    assert status == 0, err
    content = report_json.read(tmp_path / "out")
    assert content["dataset"] == "pairs"
    assert not content["subject"]["queries"]
    assert content["attributes"].keys() == {"slant"}
    assert content["row"]["leakage"] < 0.05


def test_a_report_is_judged_again_without_an_attack(audited, tmp_path):
    strict = tmp_path / "strict.toml"
    strict.write_text('[criteria]\nbits = "certified_bits <= 1"\n')
    row = report_json.read(audited)["row"]
    status, out, _ = call("report", audited, "--criteria", strict)
    assert status == 3
    assert "FAIL bits: certified_bits <= 1" in out
    assert call("report", audited)[0] == 3  # its verdict stands
    assert report_json.read(audited)["row"] == row


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing-here"], "there is no nothing-here: give a folder of 'forge'"),
        (["json:nothing"], "cannot be imported"),
        (["json:JSONDecoder"], "is a class"),
        (["json:__doc__"], "expected something to call"),
        (["raw"], "no InfNet is given"),
        (["raw", "--infnet", "x"], "no data is given"),
        (["raw", "raw"], "is named twice"),
        (["missing.npz", "--infnet", "x"], "missing.npz"),
        (["raw", "--kind", "faces"], "no samples are of kind 'faces'"),
        (["raw", "--criteria", "none.toml"], "none.toml cannot be read"),
    ],
)
def test_what_cannot_be_audited_is_one_line(arguments, message, tmp_path):
    out = tmp_path / "out"
    assert message in refused("audit", *arguments, "--out", out)
    assert not out.exists()


def test_there_is_no_such_device_or_preset(fleet, tmp_path):
    assert "devices 0 to 1" in refused("audit", fleet, "--device", 2, "--out", tmp_path)
    assert "no preset 'much'" in refused("audit", fleet, "--effort", "much", "--out", tmp_path)
    assert "is a forge's folder" in refused("audit", fleet, "--out", fleet)


def test_there_is_nothing_to_report_or_compare(tmp_path):
    assert "give a folder of 'obfnet audit'" in refused("report", tmp_path)
    assert "holds no report" in refused("compare", tmp_path)
