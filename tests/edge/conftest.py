"""A real backend, a relay that keeps what a device sends to it, one that misbehaves, and bundles.

The InfNet takes samples of four values and its label is the greatest of the first three, so
every answer is exact.
"""

import io

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from obfnet.bundling.archive import write
from obfnet.bundling.manifest import Entry, Manifest
from obfnet.serving import Settings, running
from obfnet.specs import SampleSpec

SPEC = SampleSpec((1, 2, 2), 0.0, 1.0)
SAMPLE = ["n", 1, 2, 2]
FP32 = TensorProto.FLOAT
FIRST_THREE = np.eye(4, 3, dtype=np.float32)


def onnx_net(nodes, given=SAMPLE, taken=("n", 3), kind=FP32, **constants) -> bytes:
    """An ONNX model from ``x`` to ``y``; each node is operator, inputs, output."""
    graph = helper.make_graph(
        [helper.make_node(kind, inputs, [output]) for kind, inputs, output in nodes],
        "graph",
        [helper.make_tensor_value_info("x", kind, given)],
        [helper.make_tensor_value_info("y", FP32, list(taken))],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


def scores(*more, weights=FIRST_THREE, given=SAMPLE, taken=("n", 3), **constants) -> bytes:
    """The flat sample times ``weights`` as ``s``, then ``more`` nodes that end in ``y``."""
    nodes = [("Flatten", ["x"], "flat"), ("MatMul", ["flat", "w"], "s")]
    more = more or [("Identity", ["s"], "y")]
    return onnx_net([*nodes, *more], given, taken, w=weights, **constants)


def npy(rows, **options) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, rows, **options)
    return buffer.getvalue()


def rows_of(number: int):
    """A codebook's table: row k is recognised as class k; the last value tells which table."""
    rows = np.full((3, 1, 2, 2), 0.125, np.float32)
    for label in range(3):
        rows[label].flat[label] = 0.75
        rows[label].flat[3] = number / 8
    return rows


ENCODER = scores()
FLAT = onnx_net([("Flatten", ["x"], "y")], taken=("n", 4))
HALVED = onnx_net(
    [("Mul", ["x", "half"], "h"), ("Reshape", ["h", "shape"], "y")],
    given=["n", 4],
    taken=SAMPLE,
    half=np.float32(0.5),
    shape=np.array([-1, 1, 2, 2]),
)


def make_bundle(*obfnets, spec=SPEC):
    """A bundle of ``(mechanism, encoder, decoder)``; a decoder that is no ONNX is a table."""
    members, entries = {}, []
    for number, (mechanism, encoder, decoder) in enumerate(obfnets):
        suffix = "npy" if decoder.startswith((b"\x93NUMPY", b"PK")) else "onnx"
        names = f"{number}/encoder.onnx", f"{number}/decoder.{suffix}"
        members.update(zip(names, (encoder, decoder), strict=True))
        arguments = {"codes": 3} if mechanism == "codebook" else {}
        entries.append(Entry(mechanism, arguments, *names, {}, 0, 0, 1.0, 0, 0.0))
    return write(Manifest("d" * 64, spec, "device-0", tuple(entries), {}, {}), members)


def codebooks(count: int):
    return make_bundle(*(("codebook", ENCODER, npy(rows_of(number))) for number in range(count)))


@pytest.fixture(scope="session")
def make():
    """What tests make nets, tables and bundles with."""

    class Make:
        bundle = staticmethod(make_bundle)
        scores = staticmethod(scores)
        net = staticmethod(onnx_net)
        npy = staticmethod(npy)
        rows = staticmethod(rows_of)
        spec, encoder, flat, halved = SPEC, ENCODER, FLAT, HALVED

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
    return make_bundle(("none", FLAT, HALVED))


@pytest.fixture(scope="session")
def samples():
    """Samples of all classes; no two values alike, so that raw bytes can be searched for."""
    return np.random.default_rng(0).random((30, 1, 2, 2), dtype=np.float32)


@pytest.fixture(scope="session")
def labels(samples):
    return samples.reshape(-1, 4)[:, :3].argmax(1)


@pytest.fixture(scope="session")
def backend(tmp_path_factory):
    """URL of a real backend process with the InfNet and models that do not fit it."""
    folder = tmp_path_factory.mktemp("models")
    zero = {"zero": np.float32(0)}
    models = {
        "infnet": scores(),
        "a model/100%": None,
        "in fnet": scores(),
        "one": scores(given=[1, 1, 2, 2], taken=(1, 3)),
        "wide": scores(given=["n", 1, 3, 3], weights=np.ones((9, 3), np.float32)),
        "flat": onnx_net([("Identity", ["x"], "y")], ["n", 4], ["n", 4]),
        "nan": scores(("Div", ["s", "zero"], "d"), ("Sub", ["d", "d"], "y"), **zero),
        "vector": scores(("ReduceMax", ["s"], "m"), ("Identity", ["m"], "y"), taken=("n", 1)),
        "cube": onnx_net([("Identity", ["x"], "y")], taken=SAMPLE),
        "double": onnx_net([("Cast", ["x"], "y")], taken=SAMPLE, kind=TensorProto.DOUBLE)
        if False
        else None,
    }
    for name, content in models.items():
        if content is not None:
            onnx.checker.check_model(content)
            path = folder / name / "1" / "model.onnx"
            path.parent.mkdir(parents=True)
            path.write_bytes(content)
    with running(Settings(folder, port=0)) as url:
        yield url
