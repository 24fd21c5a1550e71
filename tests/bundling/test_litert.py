"""LiteRT exports are what they say: exact, int8 where asked, and taken by the Edge TPU."""

from importlib.util import find_spec

import numpy as np
import pytest
import torch
from torch import nn

from obfnet.bundling.archive import read
from obfnet.bundling.gate import gate_of
from obfnet.bundling.litert_export import export_litert
from obfnet.bundling.pack import bundle
from obfnet.edge.obfuscator import obfuscators
from obfnet.edge.runtime import load
from obfnet.errors import ExportError
from obfnet.forging.sets import ObfNetSet, spread_over

for package in ("litert_torch", "ai_edge_quantizer", "ai_edge_litert"):
    if find_spec(package) is None:
        pytest.skip("obfnet[litert] is not installed", allow_module_level=True)

PRECISIONS = ("float32", "dynamic-int8", "int8")


@pytest.fixture(scope="module")
def forged(codebook, infnet, digits, splits):
    return ObfNetSet("device-0", (codebook,), infnet.digest, spread_over(digits, splits))


@pytest.fixture(scope="module")
def gate(infnet, digits, splits):
    # 180 validation samples: one of them is .6 points.
    return gate_of(infnet, digits, splits, tolerance=0.012)


@pytest.fixture(scope="module")
def made(forged, gate):
    """The set as LiteRT, by precision."""
    return {
        precision: read(bundle(forged, precision=precision, gate=gate, format="litert").content)
        for precision in PRECISIONS
    }


@pytest.fixture(scope="module")
def encoders(made):
    return {precision: each.members["0/encoder.tflite"] for precision, each in made.items()}


@pytest.fixture(scope="module")
def graphs(encoders):
    from obfnet.bundling.litert_file import read

    return {precision: read(content) for precision, content in encoders.items()}


@pytest.mark.parametrize("precision", PRECISIONS)
def test_an_obfnet(precision, made, gate, forged, infnet):
    (entry,) = made[precision].manifest.obfnets
    assert entry.precision == precision
    assert "litert-torch" in made[precision].manifest.versions
    (obfuscator,) = obfuscators(made[precision])
    found = (infnet.predict(obfuscator(gate.samples)) == gate.labels).mean()
    assert found >= gate.accuracy(forged.obfnets[0]) - gate.tolerance - 1e-9


def test_sizes(made, encoders):
    assert len(encoders["int8"]) < 0.6 * len(encoders["float32"])
    assert len(made["int8"].content) < 0.5 * len(made["float32"].content)
    assert len(made["dynamic-int8"].content) < len(made["int8"].content)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_no_answer_depends_on_the_others(precision, encoders, digits):
    """So a repeat releases the same code in any batch."""
    net = load(encoders[precision], None, "0/encoder.tflite")
    samples = digits.samples[:17]
    together = net(samples)
    alone = np.concatenate([net(samples[place : place + 1]) for place in range(17)])
    np.testing.assert_array_equal(together, alone)


def test_types(graphs):
    kinds = {
        precision: {each.dtype for each in graph.tensors if each.constant and len(each.shape) > 1}
        for precision, graph in graphs.items()
    }
    assert kinds["float32"] == {"FLOAT32", "INT32"}  # int32: paddings
    assert kinds["dynamic-int8"] == kinds["int8"] == {"INT8", "INT32"}
    assert {each.dtype for each in graphs["int8"].tensors} == {"INT8", "INT32"}
    scales = [
        (operator.name, operator.inputs[1].scales, operator.outputs[0].shape[-1])
        for operator in graphs["int8"].operators
        if operator.name in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
    ]
    assert len(scales) == 8
    for name, found, channels in scales:
        assert found == (1 if name == "FULLY_CONNECTED" else channels)


def test_fast_kernels_compute_as_the_reference_does(encoders, digits):
    """On this processor; in int8 they may round one step of the output otherwise."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    content = encoders["int8"]
    plain = Interpreter(
        model_content=content, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    plain.allocate_tensors()
    (given,), (wanted,) = plain.get_input_details(), plain.get_output_details()
    (step, zero), (out_step, out_zero) = given["quantization"], wanted["quantization"]
    found = load(content, None, "0/encoder.tflite")(digits.samples[:40])
    for sample, answer in zip(digits.samples[:40], found, strict=True):
        steps = np.rint(sample / np.float32(step)) + zero
        plain.set_tensor(given["index"], steps.clip(-128, 127).astype(np.int8)[None])
        plain.invoke()
        reference = plain.get_tensor(wanted["index"])[0].astype(int)
        assert np.abs(answer / out_step + out_zero - reference).max() < 1.01


def test_names_and_notes_of_the_exporter_are_gone(encoders):
    for content in encoders.values():
        assert b"torch" not in content
        assert b"MLIR" not in content


def test_weights_lie_where_kernels_read_them(encoders):
    from ai_edge_litert import schema_py_generated as schema

    content = encoders["int8"]
    model = schema.Model.GetRootAs(content)
    places = [
        np.frombuffer(content, np.uint8).ctypes.data
        for place in range(model.BuffersLength())
        if not model.Buffers(place).DataIsNone()
    ]
    starts = [
        model.Buffers(place).DataAsNumpy().ctypes.data - places[0]
        for place in range(model.BuffersLength())
        if not model.Buffers(place).DataIsNone()
    ]
    assert len(starts) > 10
    assert not any(start % 16 for start in starts)


def test_a_decoder_too(forged, digits):
    """A published ObfNet: its decoder is a net, and takes codes."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 64), nn.Sigmoid(), nn.Unflatten(1, (1, 8, 8)))
    codes = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
    content = export_litert(net, codes, "int8")
    with torch.inference_mode():
        wanted = net(torch.from_numpy(codes)).numpy()
    np.testing.assert_allclose(load(content, None, "d.tflite")(codes), wanted, atol=0.05)


def test_ranges_come_from_real_samples(forged):
    """A range that was never seen is clipped: the answer differs, and is not handed out."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 5))
    with pytest.raises(ExportError, match="differs from the original"):
        export_litert(net, forged.probes, "int8", forged.probes / 100)


def test_a_large_net(forged):
    """The quantiser writes it otherwise, its weights behind the rest of the file."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 1024), nn.ReLU(), nn.Linear(1024, 512))
    for precision in ("dynamic-int8", "int8"):
        content = export_litert(net, forged.probes, precision)
        assert 590_000 < len(content) < 620_000
        assert load(content, None, "net.tflite")(forged.probes).shape[1:] == (512,)


def test_nothing_to_quantise(forged):
    with pytest.raises(ExportError, match="not int8"):
        export_litert(Bilinear(), forged.probes, "dynamic-int8")


def test_what_the_edge_tpu_does_not_compute(forged):
    """As float32 and dynamic-int8 it is exported."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), Sine(), nn.Linear(8, 5))
    assert export_litert(net, forged.probes, "dynamic-int8")
    with pytest.raises(ExportError, match="Edge TPU's compiler does not take"):
        export_litert(net, forged.probes, "int8")


class Bilinear(nn.Module):
    """A product of two activations and no weights at all."""

    def forward(self, samples):
        flat = samples.flatten(1)
        return flat * flat


class Sine(nn.Module):
    """Which no accelerator has."""

    def forward(self, values):
        return values.sin()
