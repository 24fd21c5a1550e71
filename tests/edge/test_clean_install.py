"""``obfnet[edge]`` as a device gets it: a wheel, an empty environment, no torch, real answers."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.timeout(1_200)  # pip takes its time on a busy machine

ROOT = Path(__file__).parents[2]
#: What pip says where no index answers; then nothing can be told.
OFFLINE = re.compile(r"connection|Temporary failure|timed out|No matching distribution", re.I)

#: What a device maker writes, for each runtime, then what came with it.
DEVICE = """
import json, sys
from importlib.util import find_spec
import numpy as np
import obfnet
from obfnet.bundling.keys import PublicKey
from obfnet.bundling.trust import trusting

bundle, key, url, file = sys.argv[1:]
samples = np.load(file)
labels = []
for runtime in ("onnxruntime", "numpy"):
    trust = trusting(PublicKey.from_hex(key), device="device-0")
    with obfnet.EdgeClient(bundle, url, trust=trust, runtime=runtime) as client:
        labels.append([client.infer(sample) for sample in samples])
unwanted = [name for name in ("torch", "onnx", "sklearn", "typer") if find_spec(name)]
print(json.dumps([labels, unwanted, obfnet.__file__]))
"""


def run(*command, status=0):
    # Only what the environment brings is to be found there.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, env=clean, timeout=600, check=False
    )
    said = done.stdout + done.stderr
    if done.returncode and "pip" in command and OFFLINE.search(said):
        pytest.skip(f"no index answers: {said.splitlines()[-1]}")
    assert done.returncode == status, said
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (made,) = folder.glob("*.whl")
    return made


@pytest.mark.skipif(os.name == "nt", reason="paths of POSIX")
def test_a_device_needs_nothing_else(wheel, make, relay, tmp_path, samples, labels):
    python = tmp_path / "venv" / "bin" / "python"
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    run(python, "-m", "pip", "install", "--quiet", f"{wheel}[edge]")
    make.codebooks(4).save(tmp_path / "device-0.obfnet")
    np.save(tmp_path / "x.npy", samples[:5])
    options = [tmp_path / "device-0.obfnet", make.key.public, relay.url, tmp_path / "x.npy"]
    found, unwanted, home = json.loads(run(python, "-c", DEVICE, *options).stdout)
    assert found == [labels[:5].tolist()] * 2
    assert unwanted == []
    assert Path(home).is_relative_to(tmp_path)
    assert len(relay.posts) == 10
    assert all(each.tobytes() not in relay.received for each in samples[:5])
    bare = run(python.with_name("obfnet"), "--version", status=1)
    assert "pip install 'obfnet[cli]'" in bare.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="asks for wheels of Linux")
def test_wheels_for_arm_exist(wheel, tmp_path):
    """Resolved as pip on a Pi would, and nothing is installed."""
    platforms = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014")
    run(
        *(sys.executable, "-m", "pip", "install", "--dry-run", "--quiet"),
        *("--target", tmp_path / "none", "--only-binary=:all:", "--python-version", "3.11"),
        *(part for each in platforms for part in ("--platform", f"{each}_aarch64")),
        f"{wheel}[edge]",
    )
    assert not (tmp_path / "none").exists()
