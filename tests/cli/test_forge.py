"""Training, forging and inspecting from the command line, on digits with tiny schedules."""

import contextlib
import io
import json
import os
import subprocess
import sys
import time
from unittest.mock import patch

import numpy as np
import pytest
import safetensors.torch

from obfnet import data
from obfnet.bundling.archive import open_bundle
from obfnet.cli import main
from obfnet.edge.obfuscator import obfuscators
from obfnet.forging.kept_fleet import load_fleet
from obfnet.forging.spec_file import parse
from obfnet.forging.trained import load_infnet, read_record
from obfnet.nets.frozen import freeze
from obfnet.serving.process import running
from obfnet.serving.settings import Settings

OBFNET = [sys.executable, "-c", "import sys; from obfnet.cli import main; sys.exit(main())"]
SMALL = ["--encoder", "mlp", "--set", "encoder.hidden=[32]", "--epochs", "2"]


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


def done(*arguments):
    """Standard output of a command that succeeds."""
    status, out, err = call(*arguments)
    assert status == 0, err
    return out


def refused(*arguments):
    """The one line of a command that ends with an error of the library."""
    status, _, err = call(*arguments)
    assert status == 1
    (line,) = [line for line in err.splitlines() if line.startswith("error: ")]
    return line


def nets(folder):
    """Content and time of every ObfNet that is kept."""
    return {
        path: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.glob("device-*/*.safetensors"))
    }


@pytest.fixture(scope="module")
def digits():
    return data.load("digits")


@pytest.fixture(scope="module")
def infnet(tmp_path_factory):
    """The folder of an InfNet."""
    folder = tmp_path_factory.mktemp("train") / "infnet"
    command = ["train", "--data", "digits", "--infnet", "mnist-im", "--out", folder]
    out = done(*command, "--epochs", 20, "--batch", 64, "--rate", 3e-3)
    assert f"serve it: obfnet serve {folder / 'models'}" in out
    return folder


@pytest.fixture(scope="module")
def fleet(infnet, tmp_path_factory):
    """The folder of a finished forging with bundles."""
    folder = tmp_path_factory.mktemp("forge") / "fleet"
    spec = folder.with_suffix(".toml")
    spec.write_text('[data]\nname = "digits"\n[forge]\ndevices = 5\nsize = 1\nseed = 3\n')
    flags = ["--infnet", infnet, "--devices", 2, *SMALL, "--out", folder]
    out = done("forge", spec, *flags)
    assert "device-1" in out
    assert "Distinct: x' differ by" in out
    return folder


def test_a_trained_infnet_is_kept_with_how_it_came_about(infnet, digits):
    record = read_record(infnet)
    low, high = record.test_accuracy_ci
    assert 0.7 < low < record.test_accuracy < high < 1
    assert record.command.startswith("obfnet train --data digits")
    assert record.data["name"] == "digits"
    splits = data.split(digits, 0)
    loaded = load_infnet(infnet)
    right = loaded.predict(digits.samples[splits.test]) == digits.labels[splits.test]
    assert right.mean() == record.test_accuracy


def test_the_model_that_is_served_answers_as_the_infnet_does(infnet, digits):
    served = freeze(infnet / "models" / "infnet" / "1" / "model.onnx")
    wanted = load_infnet(infnet).log_probabilities(digits.samples[:50])
    assert np.allclose(served.log_probabilities(digits.samples[:50]), wanted, atol=1e-4)


def test_a_folder_with_an_infnet_is_not_written_over(infnet):
    command = ["train", "--data", "digits", "--infnet", "mnist-im", "--out", infnet]
    assert "holds a trained InfNet" in refused(*command)


def test_an_infnet_whose_weights_were_changed_is_refused(infnet, tmp_path):
    other = tmp_path / "infnet"
    other.mkdir()
    state = safetensors.torch.load((infnet / "infnet.safetensors").read_bytes())
    state["1.bias"][0] += 1e-6
    (other / "infnet.json").write_bytes((infnet / "infnet.json").read_bytes())
    (other / "infnet.safetensors").write_bytes(safetensors.torch.save(state))
    assert "its weights were changed" in refused("inspect", other)
    (other / "infnet.safetensors").write_bytes(safetensors.torch.save(state)[:-9])
    assert "cannot be read" in refused("inspect", other)
    (other / "infnet.json").write_text('{"name": "mnist-im"}')
    assert "is no folder that 'obfnet train' wrote" in refused("inspect", other)


def test_a_folder_holds_spec_nets_report_and_bundles(fleet, infnet):
    written = parse((fleet / "spec.toml").read_text())
    assert (written.forge.devices, written.forge.size, written.forge.seed) == (2, 1, 3)
    assert written.infnet.folder == infnet
    assert written.encoder.arguments == {"hidden": [32]}
    assert len(nets(fleet)) == 2
    report = json.loads((fleet / "report.json").read_text())
    assert report["obfnets"] == 2
    assert report["twin_accuracy"].keys() == {"device-0", "device-1"}
    assert sorted(path.name for path in fleet.glob("*.obfnet")) == [
        "device-0.obfnet",
        "device-1.obfnet",
    ]


def test_a_fleet_that_is_read_again_is_what_the_bundles_are(fleet, digits):
    for kept in load_fleet(fleet):
        bundle = open_bundle(fleet / f"{kept.device}.obfnet")
        assert bundle.manifest.infnet == kept.infnet
        assert kept.distinctness.obfnets == 2
        (bundled,) = obfuscators(bundle)
        assert np.array_equal(bundled(digits.samples[:99]), kept(digits.samples[:99]))


def test_the_same_command_again_makes_nothing_again(fleet, infnet):
    before = nets(fleet)
    bundles = [path.stat().st_mtime_ns for path in sorted(fleet.glob("*.obfnet"))]
    _, _, err = call("forge", fleet / "spec.toml", "--out", fleet)
    assert "2 of 2 ObfNets are kept" in err
    assert nets(fleet) == before
    assert [path.stat().st_mtime_ns for path in sorted(fleet.glob("*.obfnet"))] == bundles


@pytest.mark.parametrize(
    ("flags", "differs"),
    [
        (["--seed", 4], "seed"),
        (["--epochs", 3], "schedule"),
        (["--set", "encoder.hidden=[16]"], "encoder"),
        (["--split-seed", 1], "splits"),
        (["--objective", "distance-correlation=.1"], "objectives"),
    ],
)
def test_another_forging_in_the_same_folder_is_refused(fleet, flags, differs):
    before = (fleet / "spec.toml").read_bytes()
    line = refused("forge", fleet / "spec.toml", *flags, "--out", fleet)
    assert f"differs in {differs})" in line
    assert (fleet / "spec.toml").read_bytes() == before


def test_a_killed_forging_goes_on_where_it_was(infnet, tmp_path):
    folder = tmp_path / "fleet"
    command = ["forge", "--infnet", infnet, "--data", "digits", "--size", 40, *SMALL]
    # Forty are more than train at once, so that some are finished before the others.
    command += ["--epochs", 8, "--no-twins", "--no-bundle", "--out", folder]
    process = subprocess.Popen(
        [*OBFNET, *map(str, command)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    with process:
        try:
            while not list(folder.glob("device-0/*.safetensors")):
                assert process.poll() is None, "it ended without an ObfNet"
                time.sleep(0.01)
        finally:
            process.kill()
    before = nets(folder)
    assert 0 < len(before) < 40
    assert "ObfNets: run the same forging again" in _error_of_loading(folder)
    facts = json.loads(done("inspect", folder, "--json"))
    assert facts["finished"] == f"{len(before)} of 40 ObfNets"
    done(*command)
    after = nets(folder)
    assert len(after) == 40
    assert {path: after[path] for path in before} == before


def _error_of_loading(folder):
    with pytest.raises(Exception, match="of 40") as caught:
        load_fleet(folder)
    return str(caught.value)


def test_inspect_says_what_a_forging_is(fleet, infnet):
    text = done("inspect", fleet)
    assert "x' tells at most 3.32 bits about x" in text
    assert "To whoever knows the InfNet's answer, x' tells nothing more." in text
    facts = json.loads(done("inspect", fleet, "--json"))
    assert facts["infnet"] == load_infnet(infnet).digest
    assert facts["finished"] == "2 of 2 ObfNets"
    assert facts["distinctness"]["obfnets"] == 2
    (repeats,) = [
        each["bits"] for each in facts["mechanism"]["composition"] if each["samples"] == 100
    ]
    assert repeats == pytest.approx(100 * np.log2(10))
    for device in facts["devices"]:
        assert device["params"] == 64 * 32 + 32 + 32 * 10 + 10
        assert device["macs"] == 64 * 32 + 32 * 10
        low, high = device["validation_accuracy"]
        assert 0.1 < low <= high <= 1
        assert 0.1 < device["twin_accuracy"] <= 1


def test_inspect_says_what_a_bundle_and_an_infnet_and_a_model_are(fleet, infnet):
    path = fleet / "device-1.obfnet"
    facts = json.loads(done("inspect", path, "--json"))
    assert (facts["kind"], facts["device"]) == ("bundle", "device-1")
    assert facts["bytes"] == path.stat().st_size
    assert facts["mechanisms"][0]["certificate"]["guessing_factor"] == 10
    assert "seed" in facts["obfnets"][0]
    facts = json.loads(done("inspect", infnet, "--json"))
    assert (facts["kind"], facts["name"]) == ("trained InfNet", "mnist-im")
    facts = json.loads(done("inspect", infnet / "models" / "infnet" / "1" / "model.onnx", "--json"))
    assert facts["inputs"][0]["shape"] == ["batch", 1, 8, 8]
    assert facts["as an InfNet"]["gradients"] is True


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("absent.obfnet", None, "there is no"),
        ("broken.obfnet", b"PK\x03\x04 no zip", "error: "),
        ("empty.obfnet", b"", "error: "),
        ("broken.onnx", b"\x08\xff no protobuf", "cannot be read as an ONNX model"),
        ("empty.onnx", b"", "cannot be read as an ONNX model"),
    ],
)
def test_what_is_damaged_is_an_error_of_one_line(tmp_path, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    assert message in refused("inspect", path)


def test_a_damaged_forging_is_an_error_of_one_line(fleet, tmp_path):
    assert "not a folder of obfnet" in refused("inspect", tmp_path)
    copy = tmp_path / "fleet"
    (copy / "device-0").mkdir(parents=True)
    spec = json.loads((fleet / "forge.json").read_text())
    (copy / "forge.json").write_text(json.dumps(spec | {"encoder": None}))
    assert "encoder of a user's own making" in refused("inspect", copy)
    (copy / "forge.json").write_text(json.dumps(spec | {"mechanism_args": [1]}))
    assert "is no spec of a forge" in refused("inspect", copy)
    (copy / "forge.json").write_text(json.dumps(spec))
    content = (fleet / "device-0" / "0.safetensors").read_bytes()
    (copy / "device-0" / "0.safetensors").write_bytes(content[:-4])
    assert "delete it to forge it again" in refused("inspect", copy)
    (copy / "device-0" / "0.safetensors").write_bytes(content)
    (copy / "report.json").write_text("{}")
    assert "report.json cannot be read" in refused("inspect", copy)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--data", "faces"], "no dataset 'faces'"),
        (["--set", "data.options={subset=true}"], "[data] digits: got an unexpected keyword"),
        (["--mechanism", "magic"], "no mechanism 'magic'"),
        (["--set", "mechanism.codes=20"], "[mechanism] has no name"),
        (["--mechanism", "bits"], "[mechanism] bits: missing a required argument: 'bits'"),
        (
            ["--mechanism", "codebook", "--set", "mechanism.codes=1"],
            "a codebook needs at least 2 codes",
        ),
        (["--encoder", "magic"], "no encoder 'magic'"),
        (["--set", "encoder.width=3"], "[encoder] mlp: got an unexpected keyword"),
        (["--set", "encoder.hidden=['a']"], "[encoder] mlp cannot be made of these arguments"),
        (["--set", "encoder.shape=[1]"], "[encoder] mlp takes shape from data and mechanism"),
        (["--objective", "magic=1"], "no term of an objective is named 'magic'"),
        (["--rows", "magic"], "no rows are called 'magic'"),
        (["--devices", "0"], "expected devices >= 1"),
        (["--set", "forge.sise=1"], "[forge] has no key 'sise'"),
        (["--budget-params", "1", "--set", "encoder.name=mlp"], "not both"),
        (["--infnet", "no-such-folder"], "is no folder that 'obfnet train' wrote"),
        (["--infnet", "http://127.0.0.1:9/v2/models/m"], "error: "),
    ],
)
def test_what_cannot_be_forged_is_an_error_of_one_line(infnet, tmp_path, flags, message):
    start = ["forge", "--infnet", infnet, "--data", "digits", *SMALL, "--out", tmp_path / "out"]
    assert message in refused(*start, *flags)


def test_decoys_come_from_a_share_of_the_training_samples(infnet, tmp_path, digits):
    command = ["forge", "--infnet", infnet, "--data", "digits", *SMALL, "--no-bundle", "--no-twins"]
    command += ["--rows", "decoy", "--exemplars", 2, "--out", tmp_path / "out"]
    done(*command, "--set", "pool.share=0.3")
    (made,) = load_fleet(tmp_path / "out")
    rows = made.obfnets[0].decoder.rows.flatten(0, 1).numpy()
    real = {sample.tobytes() for sample in digits.samples}
    assert len(rows) == 20
    assert all(row.tobytes() in real for row in rows)
    trained_on = json.loads((tmp_path / "out" / "forge.json").read_text())["splits"]["train"]
    assert trained_on == len(data.split(digits, 0).train) - round(0.3 * 1437)
    assert "differs in pool, splits)" in refused(*command, "--set", "pool.share=0.4")


def test_a_live_model_is_forged_for_within_its_terms(infnet, tmp_path):
    out, kept = tmp_path / "out", tmp_path / "answers"
    command = ["forge", "--data", "digits", *SMALL, "--no-bundle", "--no-twins", "--out", out]
    with running(Settings(infnet / "models", port=0)) as url:
        address = f"{url}/v2/models/infnet"
        terms = ["--set", f"infnet.keep='{kept}'", "--set", "infnet.most_queries=10"]
        assert "most_queries=10" in refused(*command, "--infnet", address, *terms)
        terms[-1] = "infnet.most_queries=5000"
        done(*command, "--infnet", url, "--set", "infnet.model=infnet", *terms)
    assert json.loads((out / "forge.json").read_text())["rows"] == "searched"
    assert list(kept.iterdir())


def test_a_pool_file_is_checked(infnet, tmp_path, digits):
    command = ["forge", "--infnet", infnet, "--data", "digits", *SMALL, "--rows", "decoy"]
    command += ["--out", tmp_path / "out", "--set", f"pool.npy='{tmp_path / 'pool.npy'}'"]
    assert "cannot be read as a .npy file" in refused(*command)
    np.save(tmp_path / "pool.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert "cannot be read as a .npy file" in refused(*command)
    np.save(tmp_path / "pool.npy", np.zeros((2, 1, 8, 8)))
    assert "holds float64, expected float32" in refused(*command)
    np.save(tmp_path / "pool.npy", digits.samples[:30])
    assert "the pool shares" in refused(*command)


def test_help_is_there_for_every_flag():
    out = done("forge", "--help")
    for flag in ("--infnet", "--budget-params", "--objective", "--set", "--ray", "--no-bundle"):
        assert flag in out


@pytest.mark.skipif(os.name == "nt", reason="POSIX shells")
def test_what_was_typed_is_recorded_as_a_shell_takes_it():
    from obfnet.cli.typed import typed

    with patch.object(sys, "argv", ["/usr/bin/obfnet", "forge", "a b.toml"]):
        assert typed() == "obfnet forge 'a b.toml'"
