"""From a forge's folder to signed bundles and C on the command line, on digits."""

import contextlib
import io
import sys
from importlib.util import find_spec
from pathlib import Path
from unittest.mock import patch

import pytest

from obfnet.bundling.archive import open_bundle
from obfnet.bundling.keys import SigningKey
from obfnet.bundling.trust import trusting, verify
from obfnet.cli import main
from obfnet.edge.obfuscator import obfuscators
from obfnet.edge.runtime import load

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


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
    status, out, err = call(*arguments)
    assert status == 0, err
    return out


def refused(*arguments):
    status, _, err = call(*arguments)
    assert status == 1
    (line,) = [line for line in err.splitlines() if line.startswith("error: ")]
    return line


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    """The folder of a forging of two devices; accuracy is not what is tested."""
    folder = tmp_path_factory.mktemp("export")
    infnet = ["--data", "digits", "--infnet", "mnist-im", "--out", folder / "infnet"]
    done("train", *infnet, "--epochs", 8, "--batch", 64, "--rate", 3e-3, "--no-onnx")
    forging = ["--data", "digits", "--infnet", folder / "infnet", "--devices", 2, "--size", 1]
    small = ["--encoder", "mlp", "--set", "encoder.hidden=[32]", "--epochs", 4]
    quick = ["--no-twins", "--no-bundle", "--out", folder / "fleet"]
    done("forge", *forging, *small, *quick)
    return folder / "fleet"


@pytest.fixture(scope="module")
def key(tmp_path_factory):
    path = tmp_path_factory.mktemp("keys") / "forge.key"
    out = done("keys", "new", path)
    assert f"public key: {SigningKey.load(path).public}" in out
    return path


def test_a_key_is_never_overwritten(key):
    before = key.read_bytes()
    assert "exists" in refused("keys", "new", key)
    assert key.read_bytes() == before
    assert str(SigningKey.load(key).public) in done("keys", "show", key)
    assert "expected new or show" in refused("keys", "burn", key)


def test_forging_signs_with_a_key(fleet, key):
    """The ObfNets are there already; only the bundles are made, and made again in another form."""
    path = fleet / "device-0.obfnet"
    done("forge", fleet / "spec.toml", "--out", fleet)
    plain = open_bundle(path)
    assert (plain.signature, plain.manifest.obfnets[0].precision) == (None, "float32")
    done("forge", fleet / "spec.toml", "--out", fleet, "--key", key, "--tolerance", 0.05)
    made = verify(path.read_bytes(), trusting(SigningKey.load(key).public, device="device-0"))
    assert made.manifest.obfnets[0].precision == "int8"
    assert made.manifest.set == plain.manifest.set


def test_bundles_that_their_devices_take(fleet, key, tmp_path):
    flags = ["--key", key, "--out", tmp_path, "--version", 3, "--expires", "2999-01-01"]
    out = done("bundle", fleet, *flags, "--tolerance", 0.05)
    public = SigningKey.load(key).public
    assert f"devices trust: {public}" in out
    for device in ("device-0", "device-1"):
        path = tmp_path / f"{device}.obfnet"
        made = verify(path.read_bytes(), trusting(public, device=device))
        assert made.manifest.version == 3
        assert made.manifest.expires == "2999-01-01T00:00:00+00:00"
        assert made.manifest.obfnets[0].precision == "int8"
        obfuscators(made)
        shown = done("verify", path, "--key", public, "--device", device, "--least-version", 3)
        assert "verified" in shown
        assert "codebook" in shown
    path = tmp_path / "device-0.obfnet"
    other = SigningKey.new().public
    assert "no reason to trust" in refused("verify", path, "--key", other)
    assert "this is 'device-1'" in refused("verify", path, "--key", public, "--device", "device-1")
    old = ["verify", path, "--key", public, "--least-version", 4]
    assert "version 3" in refused(*old)
    damaged = tmp_path / "damaged.obfnet"
    damaged.write_bytes(path.read_bytes()[:-1])
    assert "error" in refused("verify", damaged, "--key", public)
    assert "cannot be read" in refused("verify", tmp_path / "nothing", "--key", public)


def test_loose_files(fleet, tmp_path):
    done("export", fleet, "--out", tmp_path, "--device", 1)
    assert sorted(path.name for path in tmp_path.glob("0/*")) == ["encoder.onnx", "rows.npy"]
    load((tmp_path / "0" / "encoder.onnx").read_bytes())


def test_litert(fleet, key, tmp_path):
    for package in ("litert_torch", "ai_edge_quantizer"):
        if find_spec(package) is None:
            pytest.skip("obfnet[litert] is not installed")
    flags = ["--format", "litert", "--tolerance", 0.05]
    done("export", fleet, "--out", tmp_path, "--precision", "dynamic-int8", *flags)
    assert sorted(path.name for path in tmp_path.glob("0/*")) == ["encoder.tflite", "rows.npy"]
    done("bundle", fleet, "--key", key, "--out", tmp_path, *flags)
    path = tmp_path / "device-1.obfnet"
    made = verify(path.read_bytes(), trusting(SigningKey.load(key).public))
    assert made.manifest.obfnets[0].encoder == "0/encoder.tflite"
    obfuscators(made, "litert")


def test_c(fleet, tmp_path):
    out = done("export", fleet, "--out", tmp_path, "--precision", "c", "--tolerance", 0.05)
    assert "constants: " in out
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"obfnet.c", "obfnet.h", "obfnet_weights.h"}


def test_what_cannot_be_exported(fleet, tmp_path):
    out = ["--out", tmp_path / "out"]
    assert "no precision 'int4'" in refused("export", fleet, *out, "--precision", "int4")
    assert "no format 'tar'" in refused("export", fleet, *out, "--format", "tar")
    assert "there is no 2" in refused("export", fleet, *out, "--device", 2)
    assert "error" in refused("export", tmp_path, *out)
    assert "no signing key" in refused("bundle", fleet, "--key", tmp_path / "none")
    assert not Path(tmp_path / "out").exists()
