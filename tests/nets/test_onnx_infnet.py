"""An ONNX file answers by onnxruntime, and in torch with the same gradients where it can."""

import numpy as np
import onnx
import pytest
import torch
from torch import nn

import obfnet
from obfnet.bundling.onnx_export import export_onnx
from obfnet.bundling.quiet import quiet
from obfnet.errors import InfNetChangedError, SpecError
from obfnet.nets import fsd, mnist
from obfnet.nets.cifar10 import resnet20
from onnx_files import onnx_net, scores


def rows(shape, count=20):
    return np.random.default_rng(1).random((count, *shape), dtype=np.float32)


@pytest.fixture
def save(tmp_path):
    def save(content, name="model.onnx"):
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return save


NETS = [
    (mnist.conv_infnet, mnist.SHAPE),
    (mnist.mlp_infnet, mnist.SHAPE),
    (fsd.conv_infnet, fsd.SHAPE),
    (resnet20, (3, 32, 32)),
]


@pytest.mark.parametrize(("factory", "shape"), NETS)
def test_our_own_exports_answer_and_differentiate_as_the_net_does(factory, shape, save):
    torch.manual_seed(0)
    net = factory().eval()
    samples = rows(shape)
    infnet = obfnet.freeze(save(export_onnx(net, samples)))
    original = obfnet.freeze(net)
    assert (infnet.differentiable, infnet.why_no_gradients) == (True, "")
    wanted = original.log_probabilities(samples)
    assert np.abs(infnet.log_probabilities(samples, batch=7) - wanted).max() < 1e-4
    gradients = []
    for one in (infnet, original):
        given = torch.tensor(samples[:3], requires_grad=True)
        one.logits(given).log_softmax(1)[:, 0].sum().backward()
        gradients.append(given.grad)
    largest = float(gradients[1].abs().max())
    assert largest > 0
    assert torch.allclose(gradients[0], gradients[1], atol=1e-4 * largest)


def test_torchs_own_export_with_fixed_batch_and_weights_beside_it(tmp_path):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(),
                        nn.Linear(72, 64), nn.Linear(64, 4)).eval()  # fmt: skip
    samples, path = rows((1, 8, 8), 7), tmp_path / "model.onnx"
    with quiet():
        torch.onnx.export(net, (torch.tensor(samples[:3]),), path, dynamo=True, verbose=False)
    infnet = obfnet.freeze(path)
    wanted = obfnet.freeze(net).log_probabilities(samples)
    assert np.abs(infnet.log_probabilities(samples) - wanted).max() < 1e-5
    assert torch.allclose(
        infnet.logits(torch.tensor(samples)).log_softmax(1), torch.tensor(wanted), atol=1e-5
    )
    (beside,) = tmp_path.glob("*.data")
    weights = bytearray(beside.read_bytes())
    weights[0] ^= 1
    beside.write_bytes(weights)
    with pytest.raises(InfNetChangedError, match="replaced"):
        infnet.verify()


OPERATORS = {
    "pool": [
        ("MaxPool", ["x"], "p", {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [0, 0, 1, 1]}),
        ("Flatten", ["p"], "y"),
    ],
    "same": [
        ("AveragePool", ["x"], "p", {"kernel_shape": [3, 3], "auto_pad": "SAME_UPPER"}),
        ("Flatten", ["p"], "y"),
    ],
    "lower": [
        ("MaxPool", ["x"], "p", {"kernel_shape": [2, 2], "auto_pad": "SAME_LOWER"}),
        ("Flatten", ["p"], "y"),
    ],
    "conv": [
        ("Conv", ["x", "kernel"], "c", {"group": 2, "dilations": [2, 2], "pads": [1, 2, 3, 0]}),
        ("GlobalAveragePool", ["c"], "g"),
        ("Flatten", ["g"], "y"),
    ],
    "reshape": [("Reshape", ["x", "flat"], "y")],
    "dynamic": [
        ("Shape", ["x"], "s"),
        ("Gather", ["s", "zero"], "n"),
        ("Unsqueeze", ["n", "first"], "u"),
        ("Concat", ["u", "rest"], "to", {"axis": 0}),
        ("Reshape", ["x", "to"], "y"),
    ],
    "slice": [
        ("Slice", ["x", "from", "until", "axes", "steps"], "c"),
        ("Pad", ["c", "pads"], "p"),
        ("Flatten", ["p"], "y"),
    ],
    "mean": [("ReduceMean", ["x"], "y", {"axes": [2, 3], "keepdims": 0})],
    "squeeze": [
        ("ReduceMean", ["x"], "m", {"axes": [2, 3]}),
        ("Squeeze", ["m", "axes"], "y"),
    ],
    "norm": [
        ("BatchNormalization", ["x", "two", "half", "half", "two"], "n", {"epsilon": 1e-3}),
        ("Transpose", ["n"], "t", {"perm": [0, 2, 3, 1]}),
        ("Flatten", ["t"], "y"),
    ],
    "gemm": [
        ("Flatten", ["x"], "f"),
        ("Gemm", ["f", "matrix", "two"], "y", {"alpha": 0.5, "beta": 2.0, "transB": 1}),
    ],
    "clip": [
        ("Clip", ["x", "low", "high"], "c"),
        ("Sigmoid", ["c"], "s"),
        ("Mul", ["s", "x"], "m"),
        ("LeakyRelu", ["m"], "l"),
        ("Tanh", ["l"], "t"),
        ("Flatten", ["t"], "y"),
    ],
    "logs": [("Flatten", ["x"], "f"), ("LogSoftmax", ["f"], "y", {"axis": 1})],
}
CONSTANTS = {
    "kernel": np.arange(16, dtype=np.float32).reshape(4, 1, 2, 2),
    "matrix": np.arange(64, dtype=np.float32).reshape(2, 32) / 64,
    "two": np.float32([1, 2]),
    "half": np.float32([0.5, 0.25]),
    "low": np.float32(0.2),
    "high": np.float32(0.7),
    "flat": np.array([0, -1]),
    "zero": np.array(0),
    "first": np.array([0]),
    "rest": np.array([-1]),
    "axes": np.array([2, 3]),
    "from": np.array([0, 1]),
    "until": np.array([9, 9]),
    "steps": np.array([2, 1]),
    "pads": np.array([0, 1, 0, 2, 0, 0, 1, 0]),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_agree_with_onnxruntime(name, save):
    content = onnx_net(OPERATORS[name], ["n", 2, 4, 4], ["n", None], **CONSTANTS)
    infnet = obfnet.freeze(save(content))
    assert infnet.why_no_gradients == ""
    samples = rows((2, 4, 4))
    found = infnet.logits(torch.tensor(samples)).log_softmax(1).numpy()
    assert np.abs(found - infnet.log_probabilities(samples)).max() < 1e-5


def test_an_operator_out_of_the_table_leaves_answers_without_gradients(save):
    infnet = obfnet.freeze(save(scores(("Softsign", ["s"], "y"))))
    assert not infnet.differentiable
    assert "Softsign" in infnet.why_no_gradients
    assert infnet.predict(rows((1, 2, 2))).shape == (20,)
    with pytest.raises(SpecError, match=r"Softsign.*surrogate"):
        infnet.logits(torch.rand(2, 1, 2, 2))


def test_a_graph_that_torch_answers_otherwise_gives_no_gradients(save, monkeypatch):
    from obfnet.nets import onnx_graph

    broken = {**onnx_graph.OPERATORS, "Relu": torch.sigmoid}
    monkeypatch.setattr(onnx_graph, "OPERATORS", broken)
    infnet = obfnet.freeze(save(scores(("Relu", ["s"], "y"))))
    assert not infnet.differentiable
    assert "differ by" in infnet.why_no_gradients


def test_probabilities_labels_and_some_of_the_outputs(save):
    samples = rows((1, 2, 2))
    truth = samples.reshape(-1, 4)[:, :3].argmax(1)
    soft = save(scores(("Softmax", ["s"], "y")), "soft.onnx")
    with pytest.raises(SpecError, match="answers='probabilities'"):
        obfnet.freeze(soft)
    infnet = obfnet.freeze(soft, "probabilities")
    assert infnet.differentiable
    assert (infnet.predict(samples) == truth).all()
    labels = save(
        scores(("ArgMax", ["s"], "y", {"axis": 1, "keepdims": 0}), gives=["n"], answers=7)
    )
    infnet = obfnet.freeze(labels, "labels", classes=3)
    assert (infnet.differentiable, infnet.why_no_gradients) == (False, "it answers with labels")
    assert (infnet.predict(samples) == truth).all()
    first_two = obfnet.freeze(soft, "probabilities", outputs=[1, 0])
    assert first_two.log_probabilities(samples).shape == (20, 2)


def test_the_digest_is_that_of_the_file(save):
    import hashlib

    path = save(scores())
    infnet = obfnet.freeze(str(path))
    assert infnet.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    infnet.verify()
    model = onnx.load(path)
    model.doc_string = "retouched"
    onnx.save(model, path)
    with pytest.raises(InfNetChangedError, match="replaced"):
        infnet.verify()
    path.unlink()
    with pytest.raises(InfNetChangedError, match="cannot be read"):
        infnet.verify()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be run|no ONNX file"),
        (b"not a model", "no ONNX file"),
        (onnx_net([("Identity", ["x"], "y")], gives=("n", 1, 2, 2)), "no classifier"),
        (scores(("ReduceSum", ["s"], "y", {"keepdims": 0}), gives=()), "no classifier"),
        (onnx_net([("Cast", ["x"], "y", {"to": 1})], ["n", 4], ["n", 4], 11), "float32 input"),
        (onnx_net([("Add", ["x", "z"], "y")], ["n", 4], ["n", 4], beside=["z"]), "float32 input"),
    ],
)
def test_what_is_no_classifier_of_samples_is_refused(content, message, save):
    with pytest.raises(SpecError, match=message):
        obfnet.freeze(save(content))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SpecError, match="there is no file"):
        obfnet.freeze(tmp_path / "missing.onnx")


def test_free_axes_need_real_probes(save):
    content = onnx_net(
        [("GlobalAveragePool", ["x"], "g"), ("Flatten", ["g"], "y")], ["n", 3, "h", "w"], ["n", 3]
    )
    path = save(content)
    assert "probes=" in obfnet.freeze(path).why_no_gradients
    assert obfnet.freeze(path, probes=rows((3, 5, 6))).differentiable


def test_samples_of_another_shape_are_refused(save):
    infnet = obfnet.freeze(save(scores()))
    with pytest.raises(SpecError, match="cannot answer"):
        infnet.predict(rows((1, 3, 3)))
