"""A device runs LiteRT nets as it runs ONNX ones, and refuses at the door what it cannot run."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from obfnet.bundling.archive import read, write
from obfnet.edge.obfuscator import obfuscators
from obfnet.edge.runtime import load
from obfnet.errors import BundleRejectedError, UnknownNameError

pytest.importorskip("ai_edge_litert", reason="obfnet[edge-litert] is not installed")
files = pytest.importorskip(
    "litert_files", reason="flatbuffers is not installed", exc_type=ImportError
)


@pytest.fixture
def net():
    return load(files.litert_scores(), None, "net.tflite")


@pytest.mark.parametrize("batch", [0, 1, 3, 17])
def test_any_batch(net, samples, batch):
    found = net(samples[:batch])
    np.testing.assert_array_equal(found, samples[:batch].reshape(-1, 4)[:, :3])
    assert found.dtype == np.float32


def test_an_answer_stays_when_the_next_is_asked(net, samples):
    first = net(samples[:1])
    kept = first.copy()
    net(samples[1:2])
    np.testing.assert_array_equal(first, kept)


def test_samples_of_another_shape(net, samples):
    with pytest.raises(ValueError, match="takes samples of shape"):
        net(samples.reshape(-1, 4, 1, 1))


def test_several_threads(net, samples):
    wanted = samples.reshape(-1, 4)[:, :3]
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(net, [samples] * 100):
            np.testing.assert_array_equal(found, wanted)


def test_int8_at_both_ends(samples):
    """A value is its nearest step; beyond the range it is the last one."""
    net = load(files.litert_integers(), "litert", "net.tflite")
    found = net(samples)
    assert found.dtype == np.float32
    wanted = (samples.reshape(-1, 4) * 256).round().clip(0, 255) / 256
    np.testing.assert_array_equal(found, wanted)
    outside = np.array([-5, 0, 1, 99], np.float32).reshape(1, 1, 2, 2)
    np.testing.assert_array_equal(net(outside), [[0, 0, 255 / 256, 255 / 256]])


def test_a_bundle(codebook, samples, tmp_path):
    """It does what the ONNX one does, also where nothing but numpy and LiteRT is installed."""
    made = of_litert(codebook, files.litert_scores())
    (found,), (wanted,) = obfuscators(made), obfuscators(codebook)
    np.testing.assert_array_equal(found(samples), wanted(samples))
    paths = [tmp_path / name for name in ("device.obfnet", "x.npy", "obfuscated.npy")]
    made.save(paths[0])
    np.save(paths[1], samples)
    subprocess.run([sys.executable, "-c", ALONE, *map(str, paths)], check=True, timeout=60)
    np.testing.assert_array_equal(np.load(paths[2]), wanted(samples))
    with pytest.raises(UnknownNameError, match="does not read"):
        obfuscators(made, "onnxruntime")


def test_the_mechanism_is_enforced(codebook, make, samples):
    malicious = files.litert_scores(np.full((3, 4), 1e30, np.float32))
    (obfuscator,) = obfuscators(of_litert(codebook, malicious))
    rows = make.rows(0)[:, 0]
    assert all(any((x == row).all() for row in rows) for x in obfuscator(samples))


@pytest.mark.parametrize("content", [b"", b"no net", b"\x08\x08" * 50, b"\x10\0\0\0TFL3"])
def test_bytes_that_are_no_net(content):
    with pytest.raises(BundleRejectedError, match="cannot be loaded"):
        load(content, None, "net.tflite")


def test_a_file_that_is_cut_off():
    content = files.litert_scores()
    for length in range(0, len(content), 7):
        with pytest.raises(BundleRejectedError, match="cannot be loaded"):
            load(content[:length], "litert", "net.tflite")


def test_onnx_under_a_wrong_name(make, codebook):
    with pytest.raises(BundleRejectedError, match="does not begin as a LiteRT file"):
        obfuscators(of_litert(codebook, make.encoder))


def test_another_number_of_ends_or_samples():
    for content, message in (
        (files.litert_sum(), "2 inputs"),
        (files.litert_sum((2, 4), both=False), "batch of 1"),
        (files.litert_sum((), both=False), "batch of 1"),
        (files.litert_integers(scale=0.0), "cannot be loaded"),
        (files.litert_integers(scale=None), "cannot be loaded"),
    ):
        with pytest.raises(BundleRejectedError, match=message):
            load(content, "litert", "net.tflite")


DAMAGED = """
import random, sys
from obfnet.edge.runtime import load
from obfnet.errors import BundleRejectedError
content = open(sys.argv[1], "rb").read()
refused = 0
for seed in range(300):
    draw, damaged = random.Random(seed), bytearray(content)
    for _ in range(1 + seed % 3):
        damaged[draw.randrange(len(damaged))] ^= draw.randrange(1, 256)
    try:
        load(bytes(damaged), "litert", "net.tflite")
    except BundleRejectedError:
        refused += 1
print(refused)
"""


def test_damage_is_refused_or_harmless(tmp_path):
    """In a process of its own, which it must not end."""
    path = tmp_path / "net.tflite"
    path.write_bytes(files.litert_scores())
    run = [sys.executable, "-c", DAMAGED, str(path)]
    said = subprocess.run(run, check=True, capture_output=True, text=True, timeout=120).stdout
    assert 30 < int(said) < 300


ALONE = """
import sys
for absent in ("onnxruntime", "onnx", "torch", "google", "flatbuffers", "tqdm", "ml_dtypes"):
    sys.modules[absent] = None
import numpy as np
from obfnet.bundling.archive import read
from obfnet.edge.obfuscator import obfuscators
bundle = read(open(sys.argv[1], "rb").read())
np.save(sys.argv[3], obfuscators(bundle)[0](np.load(sys.argv[2])))
"""


def of_litert(bundle, encoder):
    """``bundle`` with ``encoder`` in place of its own."""
    (entry,) = bundle.manifest.obfnets
    members = {"0/encoder.tflite": encoder, entry.decoder: bundle.members[entry.decoder]}
    manifest = replace(bundle.manifest, obfnets=(replace(entry, encoder="0/encoder.tflite"),))
    return read(write(manifest, members).content)
