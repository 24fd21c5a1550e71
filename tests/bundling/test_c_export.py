"""The exported C compiles without a warning and computes, bit for bit, what was judged."""

import ctypes
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from obfnet.bundling.c_export import export_c
from obfnet.bundling.gate import Gate, gate_of
from obfnet.errors import ExportError, SpecError
from obfnet.forging.loop import Fit
from obfnet.forging.obfnet import ObfNet, Table
from obfnet.forging.sets import ObfNetSet, spread_over
from obfnet.mechanisms.bits import Bits
from obfnet.mechanisms.codebook import Codebook
from obfnet.nets.frozen import freeze
from obfnet.nets.mlp import MlpEncoder
from obfnet.nets.separable import SeparableEncoder
from obfnet.nets.temporal import TemporalEncoder
from obfnet.specs import SampleSpec

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc"),
]
STRICT = ["gcc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"]
FIT = Fit(score=0.5, epoch=1, seconds=1.5, history=(0.1, 0.5))
FAILED = -1


class Compiled:
    """The C as a library."""

    def __init__(self, made, folder, size):
        made.save(folder)
        library = folder / "obfnet.so"
        command = [*STRICT, "-O2", "-shared", "-fPIC", "obfnet.c", "-o", str(library)]
        subprocess.run(command, cwd=folder, check=True)
        self.library = ctypes.CDLL(str(library))
        self.library.obfnet_row.restype = ctypes.c_void_p
        self.size = size

    def obfuscate(self, sample, net=0, exemplar=0):
        """The code, and x' or what was there before."""
        given = np.ascontiguousarray(sample, np.float32).ravel()
        made = np.full(self.size, 7, np.float32)
        code = self.library.obfnet_obfuscate(
            net, exemplar, *(each.ctypes.data_as(ctypes.c_void_p) for each in (given, made))
        )
        return code, made

    def codes(self, samples, net=0):
        return np.array([self.obfuscate(sample, net)[0] for sample in samples])

    def row(self, *numbers):
        place = self.library.obfnet_row(*numbers)
        return place and np.frombuffer(ctypes.string_at(place, self.size), np.uint8)


@pytest.fixture(scope="module")
def forged(codebook, infnet, digits, splits):
    return ObfNetSet("device-0", (codebook,), infnet.digest, spread_over(digits, splits))


@pytest.fixture(scope="module")
def gate(infnet, digits, splits):
    return gate_of(infnet, digits, splits, tolerance=0.012)


@pytest.fixture(scope="module")
def made(forged, gate):
    return export_c(forged, gate)


@pytest.fixture(scope="module")
def compiled(made, tmp_path_factory):
    return Compiled(made, tmp_path_factory.mktemp("c"), 64)


def untrained(encoders, spec, rows, samples):
    """A set of encoders as they are, and a gate that lets everything pass."""
    size = int(np.prod(spec.shape))
    infnet = freeze(nn.Sequential(nn.Flatten(), nn.Linear(size, 3)))
    codes = len(rows)
    obfnets = tuple(
        ObfNet(encoder, Codebook(codes), Table(torch.from_numpy(rows)), spec, 1, 1.0, FIT)
        for encoder in encoders
    )
    labels = np.zeros(len(samples), np.int64)
    gate = Gate(infnet, samples, labels, samples, tolerance=1.0)
    return ObfNetSet("device-0", obfnets, infnet.digest, samples[:20]), gate


def balanced(encoder, samples):
    """``encoder`` with a last bias such that no code is preferred."""
    head = [each for each in encoder.modules() if isinstance(each, nn.Linear)][-1]
    with torch.no_grad():
        head.bias -= encoder.eval()(torch.from_numpy(samples)).mean(0)
    return encoder


def grid(shape, spec, seed=0):
    """Rows that lie on the steps of a byte."""
    steps = np.random.default_rng(seed).integers(0, 256, shape) / 255
    return (spec.low + (spec.high - spec.low) * steps).astype(np.float32)


def test_a_thousand_real_samples(made, compiled, forged, gate, digits):
    samples = digits.samples[:1000].copy()
    found = compiled.codes(samples)
    np.testing.assert_array_equal(found, made.nets[0].codes(samples))
    with torch.inference_mode():
        wanted = forged.obfnets[0].encoder(torch.tensor(samples)).argmax(1).numpy()
    assert (found == wanted).mean() > 0.99
    assert made.accuracy[0] >= gate.accuracy(forged.obfnets[0]) - gate.tolerance


def test_x_prime_is_the_row(compiled, forged, digits):
    code, found = compiled.obfuscate(digits.samples[0])
    row = forged.obfnets[0].decoder.rows[code, 0].numpy().ravel()
    np.testing.assert_allclose(found, row, atol=1 / 510 + 1e-6)
    np.testing.assert_allclose(found, compiled.row(0, code, 0) / 255, atol=1e-6)


def test_bytes_and_floats_are_the_same(compiled, digits):
    # Digits have 17 levels: none is a byte exactly.
    for sample in digits.samples[:50]:
        as_bytes = (sample * 255 + 0.5).astype(np.uint8)
        code = compiled.library.obfnet_code(0, as_bytes.ctypes.data_as(ctypes.c_void_p))
        assert code == compiled.obfuscate(sample)[0]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1.01, -0.01])
def test_it_fails_closed(value, compiled, digits):
    sample = digits.samples[0].copy()
    sample[0, 3, 3] = value
    code, left = compiled.obfuscate(sample)
    assert code == FAILED
    assert (left == 7).all()


def test_numbers_that_are_too_large(compiled, digits):
    assert compiled.obfuscate(digits.samples[0], net=1)[0] == FAILED
    assert compiled.obfuscate(digits.samples[0], exemplar=1)[0] == FAILED
    assert compiled.row(1, 0, 0) is None
    assert compiled.row(0, 10, 0) is None
    assert compiled.row(0, 0, 1) is None


def test_a_set_with_exemplars_and_a_range_below_zero(tmp_path):
    """Padding stands for 0, which is not the lowest byte here."""
    torch.manual_seed(0)
    spec = SampleSpec((1, 9, 14), -1.0, 2.0)
    pooling = nn.Sequential(
        nn.Conv2d(1, 4, (3, 2), stride=(2, 1), padding=(2, 1)),
        nn.ReLU(),
        nn.MaxPool2d(2, stride=1),
        nn.Conv2d(4, 8, 3, groups=2),
        nn.Flatten(),
        nn.Linear(8 * 3 * 12, 3),
    )
    random = np.random.default_rng(0)
    samples = random.uniform(-1, 2, (300, 1, 9, 14)).astype(np.float32)
    encoders = [
        balanced(encoder, samples)
        for encoder in (
            TemporalEncoder((1, 9, 14), 3, (4, 6), 1),
            MlpEncoder((1, 9, 14), 3, (20,)),
            pooling,
        )
    ]
    rows = grid((3, 2, 1, 9, 14), spec)
    made = export_c(*untrained(encoders, spec, rows, samples))
    compiled = Compiled(made, tmp_path, 9 * 14)
    for number, encoder in enumerate(encoders):
        found = compiled.codes(samples, number)
        np.testing.assert_array_equal(found, made.nets[number].codes(samples))
        with torch.inference_mode():
            wanted = encoder(torch.from_numpy(samples)).argmax(1).numpy()
        assert (found == wanted).mean() > 0.9
        assert np.bincount(wanted, minlength=3).max() < 0.7 * len(samples)  # or any answer would do
    for exemplar in (0, 1):
        code, found = compiled.obfuscate(samples[0], 1, exemplar)
        np.testing.assert_allclose(found, rows[code, exemplar].ravel(), atol=1e-6)


def test_the_mnist_encoder_takes_20_kilobytes(tmp_path):
    """Weights, table, layers and code together, as gcc counts them."""
    spec = SampleSpec((1, 28, 28), 0.0, 1.0)
    encoder = SeparableEncoder((1, 28, 28), 10)
    assert sum(each.numel() for each in encoder.parameters()) == 9210
    samples = grid((20, 1, 28, 28), spec, 1)
    made = export_c(*untrained([encoder], spec, grid((10, 1, 1, 28, 28), spec), samples))
    made.save(tmp_path)
    subprocess.run([*STRICT, "-Os", "-c", "obfnet.c"], cwd=tmp_path, check=True)
    sizes = subprocess.run(
        ["size", "obfnet.o"], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    text, data, zeroed = map(int, sizes.stdout.splitlines()[1].split()[:3])
    assert made.flash < text + data <= 20 * 1024
    assert zeroed == made.ram < 13 * 1024


def test_what_c_is_not_exported_for(forged, gate):
    (obfnet,) = forged.obfnets
    bits = replace(obfnet, mechanism=Bits(10))
    with pytest.raises(SpecError, match="bits"):
        export_c(replace(forged, obfnets=(bits,)), gate)
    with pytest.raises(SpecError, match="empty"):
        export_c(replace(forged, obfnets=()), gate)
    odd = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, 10))
    with pytest.raises(ExportError, match="integers know no Tanh"):
        export_c(replace(forged, obfnets=(replace(obfnet, encoder=odd),)), gate)
    chain = nn.Sequential(nn.MaxPool2d(2), nn.Flatten())
    with pytest.raises(ExportError, match="ends in a dense layer"):
        export_c(replace(forged, obfnets=(replace(obfnet, encoder=chain),)), gate)


def test_rows_that_bytes_do_not_keep(forged, gate, infnet):
    class Touchy:
        """Sees every change."""

        def predict(self, samples):
            return (samples.astype(np.float64).sum(axis=(1, 2, 3)) * 1e6).astype(np.int64)

    with pytest.raises(ExportError, match="stored as bytes"):
        export_c(forged, replace(gate, infnet=Touchy()))
