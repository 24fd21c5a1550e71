"""MNIST: 70,000 handwritten digits of 28x28 pixels (LeCun, Cortes, Burges 1998)."""

from __future__ import annotations

import gzip
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from obfnet.data import mnist_wheel, slant, splits, thickness
from obfnet.data.dataset import Dataset
from obfnet.data.sources import Home, Resource, at, obtain, sha256
from obfnet.errors import DataCorruptError
from obfnet.specs import SampleSpec

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist",
    "https://storage.googleapis.com/cvdf-datasets/mnist",
    "https://raw.githubusercontent.com/fgnt/mnist/master",
)
# SHA-256 of the uncompressed idx files; the mirrors' gzip bytes differ.
FILES = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
LARGEST_BYTES = 16 + 60_000 * 28 * 28


def load() -> Dataset:
    """MNIST: ``(70000, 1, 28, 28)``, pixel / 255 in [0, 1]; private attributes ``slant`` and
    ``thickness`` of the strokes.

    The 60,000 training digits come first, then the 10,000 of the official test.

    Raises:
        DataUnavailableError, DataCorruptError, StorageError: see :func:`sources.obtain`.
    """
    train_images, train_labels, test_images, test_labels = (
        read_idx(obtain(resource(name))) for name in FILES
    )
    pixels = np.concatenate([train_images, test_images])[:, None]
    samples = np.multiply(pixels, np.float32(1 / 255), dtype=np.float32)
    labels = np.concatenate([train_labels, test_labels]).astype(np.int64)
    return Dataset(
        name="mnist",
        samples=samples,
        labels=labels,
        # The published files do not say who wrote which digit.
        spec=SampleSpec((1, 28, 28), 0.0, 1.0),
        classes=tuple("0123456789"),
        licence="CC BY-SA 3.0",
        home=MIRRORS[0],
        attributes={
            "slant": slant.side(samples, labels),
            "thickness": thickness.thick(samples, labels),
        },
        attribute_names={"slant": slant.SIDES, "thickness": thickness.NAMES},
        official_test=np.arange(len(labels)) >= len(train_labels),
        kind="image",
    )


def split(dataset: Dataset, seed: int) -> splits.Splits:
    """The usual split of MNIST: 55,000 train, 5,000 validation, the official 10,000 test."""
    return splits.split(dataset, seed, (55 / 70, 5 / 70, 10 / 70), official_test=True)


def resource(name: str) -> Resource[bytes]:
    """The idx file ``name`` (a key of ``FILES``); its content is the uncompressed idx bytes."""
    mirrors = (at(f"{mirror}/{name}.gz") for mirror in MIRRORS)
    rebuilt = Home(mnist_wheel.NAME, partial(mnist_wheel.write_idx, name))
    return Resource(f"mnist/{name}.gz", FILES[name], _gunzip, sha256, (*mirrors, rebuilt))


def read_idx(content: bytes) -> npt.NDArray[np.uint8]:
    """The array in idx format: two zero bytes, type, rank, big-endian extents, then the values.

    Raises:
        DataCorruptError: another type than unsigned bytes, or another length than the extents say.
    """
    if content[:3] != b"\0\0\x08" or len(content) < 4 or len(content) < 4 + 4 * content[3]:
        raise DataCorruptError(f"not an idx file of unsigned bytes: it starts {content[:4]!r}")
    rank = content[3]
    shape = np.frombuffer(content, ">u4", rank, offset=4).astype(np.int64)
    values = np.frombuffer(content, np.uint8, offset=4 + 4 * rank)
    if rank == 0 or len(values) != shape.prod():
        raise DataCorruptError(
            f"idx file holds {len(values)} values, its header says {shape.tolist()}"
        )
    return values.reshape(shape)


def _gunzip(path: Path) -> bytes:
    with gzip.open(path) as file:
        return file.read(LARGEST_BYTES + 1)  # a bomb ends here, and its digest is wrong
