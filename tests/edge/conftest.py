"""A real backend, a relay that keeps what a device sends to it, one that misbehaves, and bundles.

The InfNet takes samples of four values and its label is the greatest of the first three, so
every answer is exact.
"""

import io
from contextlib import ExitStack

import numpy as np
import pytest

from listeners import Relay, Scripted, good_answer, http_answer, scores_answer
from obfnet.bundling.archive import write
from obfnet.bundling.keys import SigningKey
from obfnet.bundling.manifest import Entry, Manifest
from obfnet.bundling.trust import trusting
from obfnet.edge.client import EdgeClient
from obfnet.edge.device_set import system_clock
from obfnet.edge.queue import Queue
from obfnet.serving import Settings, running
from obfnet.specs import SampleSpec
from obfnet.wire.transport import Limits
from onnx_files import SAMPLE, onnx_net, repository, scores

SPEC = SampleSpec((1, 2, 2), 0.0, 1.0)
#: The forge's.
KEY = SigningKey(bytes(32))
QUICK = Limits(timeout=10, attempts=3, backoff=0.001)


def npy(rows, **options) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, rows, **options)
    return buffer.getvalue()


def rows_of(number: int):
    """A codebook's table: row k is recognised as class k; the last value tells which table."""
    rows = np.full((3, 1, 1, 2, 2), 0.125, np.float32)
    for label in range(3):
        rows[label].flat[label] = 0.75
        rows[label].flat[3] = number / 8
    return rows


ENCODER = scores()
FLAT = onnx_net([("Flatten", ["x"], "y")], gives=("n", 4))


def halving(share=0.5):
    """A decoder: the code of four values times ``share``, as a sample."""
    return onnx_net(
        [("Mul", ["x", "share"], "h"), ("Reshape", ["h", "shape"], "y")],
        accepts=["n", 4],
        gives=SAMPLE,
        share=np.float32(share),
        shape=np.array([-1, 1, 2, 2]),
    )


def make_bundle(*obfnets, arguments=None, key=KEY, rotations=(), **said):
    """A bundle of ``(mechanism, encoder, decoder)``; a decoder that is no ONNX is a table.

    ``said`` is what the manifest says instead of the usual.
    """
    members, entries = {}, []
    for number, (mechanism, encoder, decoder) in enumerate(obfnets):
        suffix = "npy" if decoder.startswith((b"\x93NUMPY", b"PK")) else "onnx"
        names = f"{number}/encoder.onnx", f"{number}/decoder.{suffix}"
        members.update(zip(names, (encoder, decoder), strict=True))
        usual = {"codes": 3} if mechanism == "codebook" else {}
        entries.append(Entry(mechanism, arguments or usual, *names, {}, 0, 0, 1.0, 0, 0.0))
    usual = {
        "infnet": "d" * 64,
        "sample": SPEC,
        "device": "device-0",
        "set": "5e7",
        "version": 1,
        "issued": "2026-11-22T09:00:00+00:00",
        "expires": "",
        "audit": {},
        "digests": {},
        "versions": {},
    }
    manifest = Manifest(obfnets=tuple(entries), **usual | said)
    return write(manifest, members, key, rotations)


def codebooks(count: int, first=0, **said):
    tables = (npy(rows_of(number)) for number in range(first, first + count))
    return make_bundle(*(("codebook", ENCODER, table) for table in tables), **said)


@pytest.fixture(scope="session")
def make():
    """What tests make nets, tables and bundles with."""

    class Make:
        bundle = staticmethod(make_bundle)
        scores = staticmethod(scores)
        net = staticmethod(onnx_net)
        npy = staticmethod(npy)
        rows = staticmethod(rows_of)
        codebooks = staticmethod(codebooks)
        halving = staticmethod(halving)
        spec, encoder, flat = SPEC, ENCODER, FLAT
        clock = staticmethod(system_clock)
        key, trust = KEY, trusting(KEY.public, device="device-0")

    return Make


@pytest.fixture(scope="session")
def codebook():
    """A device's set of one codebook ObfNet."""
    return codebooks(1)


@pytest.fixture(scope="session")
def four_codebooks():
    return codebooks(4)


@pytest.fixture(scope="session")
def published():
    """A ``none`` bundle: x' is half of x."""
    return make_bundle(("none", FLAT, halving()))


@pytest.fixture(scope="session")
def samples():
    """Samples of all classes; no two values alike, so that raw bytes can be searched for."""
    return np.random.default_rng(0).random((30, 1, 2, 2), dtype=np.float32)


@pytest.fixture(scope="session")
def labels(samples):
    return samples.reshape(-1, 4)[:, :3].argmax(1)


MODELS = {
    "infnet": scores(),
    "in fnet 100%": scores(),
    "one": scores(accepts=[1, 1, 2, 2], gives=(1, 3)),
    "wide": scores(accepts=["n", 1, 3, 3], weights=np.ones((9, 3), np.float32)),
    "flat": onnx_net([("Identity", ["x"], "y")], ["n", 4], ["n", 4]),
    "double": onnx_net([("CastLike", ["x", "f"], "y")], SAMPLE, SAMPLE, 11, f=np.float32(0)),
    "nan": scores(
        ("Sub", ["s", "s"], "0"), ("Div", ["0", "zero"], "y"), zero=np.zeros(1, np.float32)
    ),
    "vector": scores(("Reshape", ["s", "to"], "y"), gives=["m"], to=np.array([-1])),
    "column": scores(("Reshape", ["s", "to"], "y"), gives=["m", 1], to=np.array([-1, 1])),
    "cube": onnx_net([("Identity", ["x"], "y")], SAMPLE, SAMPLE),
}


@pytest.fixture(scope="session")
def backend(tmp_path_factory):
    """URL of a real backend process with the InfNet and models that do not fit it."""
    folder = repository(tmp_path_factory.mktemp("models"), **MODELS)
    with running(Settings(folder, port=0)) as url:
        yield url


@pytest.fixture
def connect():
    """``connect(bundle, url, ...)`` is a client that is closed after the test."""
    with ExitStack() as stack:

        def connect(bundle, url, limits=QUICK, **options):
            return stack.enter_context(EdgeClient(bundle, url, limits=limits, **options))

        yield connect


@pytest.fixture
def relay(backend):
    """Everything a device sends to the real backend passes here and is kept."""
    with Relay(backend) as relay:
        yield relay


@pytest.fixture
def folder(tmp_path):
    """A folder to watch, empty."""
    made = tmp_path / "samples"
    made.mkdir()
    return made


@pytest.fixture
def queue(tmp_path):
    """What waits for a backend that is away."""
    return Queue(tmp_path / "waiting", 100_000)


@pytest.fixture
def scripted():
    with Scripted() as listener:
        yield listener


@pytest.fixture(scope="session")
def answer():
    """What tests make HTTP answers with: ``http``, ``good(label)`` and ``scores(*arrays)``."""

    class Answer:
        http, good, scores = map(staticmethod, (http_answer, good_answer, scores_answer))

    return Answer
