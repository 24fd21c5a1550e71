"""numpy alone answers as onnxruntime does, and refuses at the door what it cannot compute."""

import contextlib
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from obfnet.bundling.onnx_export import BATCHES, PRECISIONS, export_onnx
from obfnet.edge.obfuscator import obfuscators
from obfnet.edge.runtime import load
from obfnet.errors import BundleRejectedError, UnknownNameError
from obfnet.nets.decoder import conv_decoder
from obfnet.nets.mlp import MlpEncoder
from obfnet.nets.mnist import conv_obfnet
from obfnet.nets.separable import SeparableEncoder
from obfnet.nets.temporal import TemporalEncoder
from obfnet.specs import SampleSpec
from onnx_files import onnx_net

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

WIDE = SampleSpec((1, 12, 20), 0.0, 1.0)
NETS = {
    "separable": lambda: SeparableEncoder((1, 8, 8), 10),
    "separable, shrunk": lambda: SeparableEncoder((1, 16, 16), 10, widths=(4, 6), shrink=2),
    "temporal": lambda: TemporalEncoder((1, 8, 8), 10),
    "mlp": lambda: MlpEncoder((1, 8, 8), 10, batch_norm=True),
    "published convolution": lambda: conv_obfnet((1, 8, 8), 12).encoder,
    "decoder": lambda: conv_decoder(64, WIDE, channels=8),
}


def normalised(net):
    """``net`` with statistics of normalisation as training leaves them: not 0 and 1."""
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.5, 2)
    return net


def inputs_of(name, digits):
    """Real digits, in the shape that the net takes."""
    if name == "separable, shrunk":
        return digits.samples[:40].repeat(2, axis=2).repeat(2, axis=3)
    return digits.samples[:40].reshape(40, -1) if name == "decoder" else digits.samples[:40]


def alike(content, inputs, tolerance=1e-5):
    fast, plain = load(content, "onnxruntime"), load(content, "numpy")
    for batch in BATCHES:
        wanted, found = fast(inputs[:batch]), plain(inputs[:batch])
        assert found.dtype == wanted.dtype
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", NETS)
def test_nets_of_this_package(name, digits):
    torch.manual_seed(0)
    inputs = inputs_of(name, digits)
    alike(export_onnx(normalised(NETS[name]()), inputs), inputs)


@pytest.mark.parametrize("precision", PRECISIONS[1:])
def test_quantised_nets(precision, digits):
    """The same but where a value lies between two bytes: then one step, not more."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 10)
    )
    content = export_onnx(net, digits.samples[:64], precision)
    scale = np.abs(load(content)(digits.samples[:17])).max()
    alike(content, digits.samples[:17], scale / 100)


X = ["n", 2, 4, 6]
W = np.random.default_rng(0).normal(size=(6, 1, 2, 3)).astype(np.float32)
COLUMN = np.array([1, 2], np.float32)
OPERATORS = {
    "Conv": (
        [("Conv", ["x", "w", "b"], "y", {"group": 2, "strides": [2, 1], "pads": [1, 0, 0, 2]})],
        {"w": W, "b": np.arange(6, dtype=np.float32)},
    ),
    "BatchNormalization": (
        [("BatchNormalization", ["x", "c", "c", "d", "c"], "y", {"epsilon": 0.01})],
        {"c": COLUMN, "d": COLUMN / 3},
    ),
    "AveragePool": ([("AveragePool", ["x"], "y", {"kernel_shape": [3, 2]})], {}),
    "MaxPool": ([("MaxPool", ["x"], "y", {"kernel_shape": [2, 3], "strides": [1, 3]})], {}),
    "Softmax": ([("Softmax", ["x"], "y", {"axis": 1})], {}),
    "Tanh and Transpose": (
        [("Tanh", ["x"], "t"), ("Transpose", ["t"], "y", {"perm": [0, 3, 1, 2]})],
        {},
    ),
    "Clip and Sub": (
        [("Clip", ["x", "", "h"], "c"), ("Sub", ["c", "h"], "y")],
        {"h": np.float32(0.5)},
    ),
    "Reshape that keeps an axis": (
        [("Reshape", ["x", "s"], "y")],
        {"s": np.array([0, -1, 3])},
    ),
    "Concat": ([("Concat", ["x", "x"], "y", {"axis": 2})], {}),
    "Cast": ([("Cast", ["x"], "i", {"to": 6}), ("Cast", ["i"], "y", {"to": 1})], {}),
    "Div, Mul, Add": (
        [("Div", ["x", "k"], "d"), ("Mul", ["d", "d"], "m"), ("Add", ["m", "x"], "y")],
        {"k": np.float32(3)},
    ),
}


def one(nodes, constants=None):
    return onnx_net(nodes, X, ["a", "b", "c", "d"], **(constants or {}))


@pytest.mark.parametrize("name", OPERATORS)
def test_operators(name):
    inputs = np.random.default_rng(1).normal(size=(17, 2, 4, 6)).astype(np.float32)
    gives = ["a", "b", "c"] if "Reshape" in name else ["a", "b", "c", "d"]
    nodes, constants = OPERATORS[name]
    alike(onnx_net(nodes, X, gives, **constants), inputs)


@pytest.mark.parametrize("content", [b"", b"no net", b"\x08\x08" * 50, b"\xff" * 30, b"\x3a\x7f"])
def test_bytes_that_are_no_net(content):
    with pytest.raises(BundleRejectedError, match="cannot be loaded"):
        load(content, "numpy")


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([("Erf", ["x"], "y")], "no operator 'Erf'"),
        ([("MaxPool", ["x"], "y", {"kernel_shape": [2, 2], "ceil_mode": 1})], "ceil_mode"),
        ([("MaxPool", ["x"], "y", {"kernel_shape": [2, 2], "pads": [1, 1, 1, 1]})], "padding"),
        ([("AveragePool", ["x"], "y", {"kernel_shape": [2, 2], "auto_pad": "SAME_UPPER"})], "SAME"),
        ([("Softmax", ["x"], "y", {"axes": 1})], "attributes"),
        ([("Cast", ["x"], "y", {"to": 8})], "element type 8"),
        ([("Resize", ["x", "", "", "s"], "y", {"mode": "linear"})], "linear"),
        ([("Add", ["x", "nothing"], "y")], "nothing gives"),
        ([("Relu", ["x"], "z")], "nothing gives its output"),
    ],
)
def test_what_it_cannot_compute_is_refused_when_loaded(nodes, message):
    with pytest.raises(BundleRejectedError, match=message):
        load(one(nodes, {"s": np.array([1, 2, 8, 12])}), "numpy")


def test_operators_of_another_version_or_domain():
    graph = helper.make_graph(
        [helper.make_node("Relu", ["x"], ["y"], domain="com.example")],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4])],
    )
    for opsets, message in (
        ([("", 12)], "version 12"),
        ([("com.example", 1)], "no version"),
        ([("", 18), ("com.example", 1)], r"com\.example\.Relu"),
    ):
        ids = [helper.make_opsetid(*each) for each in opsets]
        content = helper.make_model(graph, opset_imports=ids, ir_version=8).SerializeToString()
        with pytest.raises(BundleRejectedError, match=message):
            load(content, "numpy")


def with_weights(weights):
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"])],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4])],
        [weights],
    )
    opset = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


def test_weights_that_are_not_raw_bytes():
    values = [0.5, -1.0, 2.0, 0.0]
    content = with_weights(helper.make_tensor("w", TensorProto.FLOAT, [4], values))
    found = load(content, "numpy")(np.ones((2, 4), np.float32))
    np.testing.assert_array_equal(found, np.add([values] * 2, 1))


def test_net_that_would_read_the_devices_files(tmp_path, monkeypatch):
    np.ones(4, np.float32).tofile(tmp_path / "secret.bin")
    monkeypatch.chdir(tmp_path)
    weights = TensorProto(name="w", data_type=1, dims=[4], data_location=TensorProto.EXTERNAL)
    weights.external_data.add(key="location", value="secret.bin")
    with pytest.raises(BundleRejectedError, match="another file"):
        load(with_weights(weights), "numpy")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dims": [5]}, r"\[5\] has 4 values"),
        ({"dims": [-4]}, "values"),
        ({"data_type": 8}, "element type 8"),
    ],
)
def test_weights_that_are_damaged(change, message):
    weights = numpy_helper.from_array(np.ones(4, np.float32), "w")
    for name, value in change.items():
        if name == "dims":
            del weights.dims[:]
            weights.dims.extend(value)
        else:
            setattr(weights, name, value)
    with pytest.raises(BundleRejectedError, match=message):
        load(with_weights(weights), "numpy")


SMALL = one(*OPERATORS["Conv"])


@given(place=st.integers(0, len(SMALL) - 1), byte=st.integers(1, 255), cut=st.booleans())
@settings(max_examples=300)
def test_damage_is_refused_or_harmless(place, byte, cut):
    """One byte changed, or the end cut off: a typed error, or a net."""
    damaged = bytearray(SMALL)
    damaged[place] ^= byte
    content = SMALL[:place] if cut else bytes(damaged)
    with contextlib.suppress(BundleRejectedError):
        assert callable(load(content, "numpy"))


def test_a_runtime_that_is_not_there():
    with pytest.raises(UnknownNameError, match="onnxruntime, numpy"):
        load(SMALL, "abacus")


ALONE = """
import sys
for absent in ("onnxruntime", "onnx", "torch", "google"):
    sys.modules[absent] = None
import numpy as np
from obfnet.bundling.archive import read
from obfnet.edge.obfuscator import obfuscators
bundle = read(open(sys.argv[1], "rb").read())
samples = np.load(sys.argv[2])
np.save(sys.argv[3], obfuscators(bundle)[0](samples))
"""


def test_without_any_runtime_numpy_takes_over(codebook, samples, tmp_path):
    paths = [tmp_path / name for name in ("device.obfnet", "x.npy", "obfuscated.npy")]
    codebook.save(paths[0])
    np.save(paths[1], samples)
    subprocess.run([sys.executable, "-c", ALONE, *map(str, paths)], check=True, timeout=60)
    (obfuscator,) = obfuscators(codebook)
    np.testing.assert_array_equal(np.load(paths[2]), obfuscator(samples))


def test_a_bundle_does_the_same_with_either(four_codebooks, published, samples):
    for bundle in (four_codebooks, published):
        pairs = zip(obfuscators(bundle, "numpy"), obfuscators(bundle, "onnxruntime"), strict=True)
        for plain, fast in pairs:
            np.testing.assert_array_equal(plain(samples), fast(samples))
