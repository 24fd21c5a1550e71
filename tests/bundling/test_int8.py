"""int8 exports are int8, small, and as accurate as the gate asks."""

from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from obfnet.bundling.archive import read
from obfnet.bundling.gate import Gate, gate_of
from obfnet.bundling.onnx_export import export_onnx
from obfnet.bundling.pack import bundle
from obfnet.edge.obfuscator import obfuscators
from obfnet.errors import ExportError, SpecError
from obfnet.forging.sets import ObfNetSet, spread_over

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def forged(codebook, infnet, digits, splits):
    return ObfNetSet("device-0", (codebook,), infnet.digest, spread_over(digits, splits))


@pytest.fixture(scope="module")
def gate(infnet, digits, splits):
    # 180 validation samples: one of them is .6 points.
    return gate_of(infnet, digits, splits, tolerance=0.012)


@pytest.fixture(scope="module")
def plain(forged, gate):
    return bundle(forged, gate=gate)


def weights(content):
    graph = onnx.load_from_string(content).graph
    return [numpy_helper.to_array(each) for each in graph.initializer if len(each.dims) > 1]


def test_onnxruntime_multiplies_int8_as_int8(tmp_path):
    """In convolutions and dense layers alike; nothing is made float32 again before it."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5))
    samples = np.random.default_rng(0).random((20, 1, 8, 8), dtype=np.float32)
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "planned.onnx")
    options.log_severity_level = 4
    onnxruntime.InferenceSession(export_onnx(net, samples, "int8"), options)
    planned = [node.op_type for node in onnx.load(tmp_path / "planned.onnx").graph.node]
    assert {"QLinearConv", "QGemm"} <= set(planned)
    assert not {"Conv", "Gemm"} & set(planned)


@pytest.mark.parametrize("precision", ["dynamic-int8", "int8"])
def test_an_obfnet_of_int8(precision, forged, gate, plain, digits, infnet):
    made = read(bundle(forged, precision=precision, gate=gate).content)
    (entry,) = made.manifest.obfnets
    assert entry.precision == precision
    assert {each.dtype for each in weights(made.members[entry.encoder])} == {np.dtype(np.int8)}
    assert (
        max(np.abs(each.astype(int)).max() for each in weights(made.members[entry.encoder])) <= 64
    )
    (before,) = plain.manifest.obfnets
    assert len(made.content) < 0.5 * len(plain.content)
    assert entry.certificate == before.certificate
    right = {}
    for runtime in ("onnxruntime", "numpy"):
        (obfuscator,) = obfuscators(made, runtime)
        (reference,) = obfuscators(plain, runtime)
        samples = gate.samples
        right[runtime] = (infnet.predict(obfuscator(samples)) == gate.labels).mean()
        wanted = (infnet.predict(reference(samples)) == gate.labels).mean()
        assert right[runtime] >= wanted - gate.tolerance - 1e-9
    assert abs(right["numpy"] - right["onnxruntime"]) < 0.012


def test_a_table_is_kept_as_bytes(plain, forged, infnet):
    (entry,) = plain.manifest.obfnets
    rows = forged.obfnets[0].decoder.rows
    assert len(plain.members[entry.decoder]) <= rows.numel() + 256
    assert 0 < entry.table_error <= 1 / 510 + 1e-6
    (obfuscator,) = obfuscators(plain)
    stored = np.unique(obfuscator(forged.probes), axis=0)
    forged_rows = rows[:, 0].numpy()
    distance = np.abs(stored[:, None] - forged_rows[None]).max(axis=(2, 3, 4)).min(1)
    assert distance.max() == pytest.approx(entry.table_error, abs=1e-6) or (
        distance.max() <= entry.table_error
    )


def test_less_than_float32_needs_a_gate(forged):
    with pytest.raises(SpecError, match="gate"):
        bundle(forged, precision="int8")
    with pytest.raises(SpecError, match="int4"):
        export_onnx(nn.Flatten(), forged.probes, "int4")


def test_a_loss_that_the_gate_does_not_allow(forged, gate):
    """Calibrated on samples of nearly nothing, int8 clips all that matters."""
    faint = np.random.default_rng(0).random(gate.calibration.shape, dtype=np.float32) / 1000
    with pytest.raises(ExportError, match=r"loss of 1.20% is allowed|differs from"):
        bundle(forged, precision="int8", gate=replace(gate, calibration=faint))


def test_the_gate_counts(gate):
    def wrong(samples, uniform):
        return np.zeros_like(samples)

    def right(samples, uniform):
        return samples

    before, after = gate.accuracy(right), gate.accuracy(wrong)
    assert after < 0.3 < 0.9 < before
    with pytest.raises(ExportError, match=r"loss of 1.20% is allowed"):
        gate.check("it", right, wrong)
    assert replace(gate, tolerance=1.0).check("it", right, wrong) == after
    with pytest.raises(SpecError, match="tolerance"):
        replace(gate, tolerance=float("nan"))
    with pytest.raises(SpecError, match="labels"):
        Gate(gate.infnet, gate.samples, gate.labels[1:], gate.samples)


class Bilinear(nn.Module):
    """A product of two activations and no weights at all."""

    def forward(self, samples):
        flat = samples.flatten(1)
        return flat * flat


@pytest.mark.parametrize("precision", ["dynamic-int8", "int8"])
def test_nothing_to_quantise(precision, forged):
    with pytest.raises(ExportError, match="not int8"):
        export_onnx(Bilinear(), forged.probes, precision)


def test_ranges_come_from_real_samples(forged):
    """A range that was never seen is clipped: the answer then differs, and is not handed out."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 5))
    export_onnx(net, forged.probes, "int8")
    with pytest.raises(ExportError, match="differs from the original"):
        export_onnx(net, forged.probes, "int8", forged.probes / 100)
