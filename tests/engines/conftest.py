"""Every server over the same models: our own, and the engines, each installed once and kept."""

import io
import json
import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto

from obfnet.bundling.archive import Bundle, write
from obfnet.bundling.keys import SigningKey
from obfnet.bundling.manifest import Entry, Manifest
from obfnet.data.folders import cache_folder
from obfnet.errors import EngineMissingError
from obfnet.serving import Settings, running
from obfnet.serving.engines.environment import install, python_of
from obfnet.serving.engines.running import running_engine
from obfnet.serving.engines.table import ENGINES
from obfnet.specs import SampleSpec
from onnx_files import onnx_net, scores

CLIENT = Path(__file__).parents[1] / "support" / "triton_client.py"


def installed(name) -> Path:
    """The engines' folder with this one in it; skips, or fails if so told, where it cannot be."""
    folder = cache_folder() / "engines"
    try:
        install(folder, name)
    except EngineMissingError as error:
        if os.environ.get("OBFNET_REQUIRE_DATA") == "1":
            raise
        pytest.skip(str(error))
    return folder


@pytest.fixture(scope="session")
def environments():
    """``environments(name)`` is the folder of environments with that engine installed."""
    return installed


def first_three(factor) -> bytes:
    """Of samples (n, 1, 2, 2), the first three values times ``factor``."""
    return scores(weights=np.eye(4, 3, dtype=np.float32) * np.float32(factor))


def squares(shape) -> bytes:
    values = np.arange(10, dtype=np.float32) ** 2
    nodes = [("Gather", ["squares", "x"], "y")]
    return onnx_net(nodes, shape, shape, TensorProto.INT64, squares=values)


@pytest.fixture(scope="session")
def models(tmp_path_factory) -> Path:
    """Models whose every answer is exact.

    infnet: y = the first three of four values, times 1 in version 1, 2 in 2 and 10 in 10;
    lookup: y = squares[x] for x from 0 to 9, fails outside; table: the same for x of shape (n, 1);
    bytes: y = x in UINT8, of any width;
    one: the infnet for one sample at a time.
    """
    folder = tmp_path_factory.mktemp("models")
    files = {
        "infnet/1": first_three(1),
        "infnet/2": first_three(2),
        "infnet/10": first_three(10),
        "one/1": scores(accepts=[1, 1, 2, 2], gives=(1, 3)),
        "lookup/1": squares(["n"]),
        "table/1": squares(["n", 1]),
        "bytes/1": onnx_net(
            [("Identity", ["x"], "y")], ["n", "m"], ["n", "m"], TensorProto.UINT8, TensorProto.UINT8
        ),
    }
    for name, content in files.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "model.onnx").write_bytes(content)
    return folder


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    """A device's set of one codebook ObfNet of the infnet: three codes, shown as bright corners."""
    rows = np.full((3, 1, 1, 2, 2), 0.125, np.float32)
    for label in range(3):
        rows[label].flat[label] = 0.75
    buffer = io.BytesIO()
    np.save(buffer, rows)
    names = "0/encoder.onnx", "0/decoder.npy"
    entry = Entry("codebook", {"codes": 3}, *names, {}, 0, 0, 1.0, 0, 0.0)
    manifest = Manifest(
        infnet="d" * 64,
        sample=SampleSpec((1, 2, 2), 0.0, 1.0),
        device="device-0",
        set="5e7",
        version=1,
        issued="2026-11-22T09:00:00+00:00",
        expires="",
        audit={},
        digests={},
        versions={},
        obfnets=(entry,),
    )
    members = dict(zip(names, (scores(), buffer.getvalue()), strict=True))
    return write(manifest, members, SigningKey(bytes(32)))


@dataclass(frozen=True)
class Served:
    """A server under test."""

    name: str
    url: str
    grpc: str
    binary: bool

    def tritonclient(self, *cases):
        """What tritonclient says to ``cases``, from an environment that has it."""
        python = python_of(installed("mlserver"), "mlserver")  # it comes with MLServer
        run = subprocess.run(
            [python, "-I", CLIENT, self.url.removeprefix("http://"), self.grpc],
            input=json.dumps(cases),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout)


@contextmanager
def serving(name, models):
    if name == "embedded":
        with running(Settings(models, port=0)) as url:
            yield Served(name, url, "", binary=True)
    else:
        engine = ENGINES[name]
        with running_engine(engine, models, installed(name)) as made:
            yield Served(name, made.url, made.grpc, engine.binary)


@pytest.fixture(scope="session", params=["embedded", *ENGINES])
def served(request, models):
    """Each server in turn; pytest runs all that needs one before it starts the next."""
    with serving(request.param, models) as made:
        yield made
