"""CIFAR-10: colour pictures of 32x32 pixels in ten classes (Krizhevsky 2009)."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from obfnet import files
from obfnet.data.dataset import Dataset
from obfnet.data.sources import Home, Resource, at, obtain, sha256
from obfnet.specs import SampleSpec

CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
HOME = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
RECORD_BYTES = 1 + 3 * 32 * 32  # one label, then the red, green and blue planes
BATCH = 10_000

Records = npt.NDArray[np.uint8]


def load(subset: bool = True) -> Dataset:
    """CIFAR-10: ``(n, 3, 32, 32)``, pixel / 255 in [0, 1]; no private attribute is published.

    Args:
        subset: the first 10,000 training and the first 1,000 test pictures (n = 11,000) instead
            of 50,000 and 10,000 (n = 60,000). Training pictures come first.

    Raises:
        DataUnavailableError, DataCorruptError, StorageError: see :func:`sources.obtain`.
    """
    records = obtain(SUBSET) if subset else _all_records()
    labels = records[:, 0].astype(np.int64)
    pixels = records[:, 1:].reshape(-1, 3, 32, 32)
    return Dataset(
        name="cifar10",
        samples=np.multiply(pixels, np.float32(1 / 255), dtype=np.float32),
        labels=labels,
        spec=SampleSpec((3, 32, 32), 0.0, 1.0),
        classes=CLASSES,
        licence="none stated",
        home=HOME,
        official_test=np.arange(len(labels)) >= (BATCH if subset else 5 * BATCH),
        kind="photo",
    )


def _all_records() -> Records:
    """All 60,000 records: the five training batches in order, then the test batch."""
    members = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
    with tarfile.open(fileobj=io.BytesIO(obtain(ARCHIVE))) as archive:
        batches = [archive.extractfile(f"cifar-10-batches-bin/{member}") for member in members]
        content = b"".join(batch.read(BATCH * RECORD_BYTES) for batch in batches if batch)
    return np.frombuffer(content, np.uint8).reshape(-1, RECORD_BYTES)


def _read_npz(path: Path) -> Records:
    """The records of an npz with arrays ``x_train, y_train, x_test, y_test`` (pictures HWC)."""
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        pixels = np.concatenate([arrays["x_train"], arrays["x_test"]])
        labels = np.concatenate([arrays["y_train"], arrays["y_test"]])
    planes = pixels.transpose(0, 3, 1, 2).reshape(len(labels), -1)
    return np.concatenate([labels[:, None], planes], axis=1)


def _write_subset(target: Path) -> None:
    """Cut the subset out of the public archive."""
    records = _all_records()
    parts = {"train": records[:BATCH], "test": records[5 * BATCH :][:1000]}
    arrays = {f"y_{part}": rows[:, 0] for part, rows in parts.items()} | {
        f"x_{part}": rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        for part, rows in parts.items()
    }
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    files.write(target, buffer.getvalue())


# The binary edition rather than the Python one, which is a pickle and so is never loaded.
ARCHIVE = Resource(
    "cifar-10-binary.tar.gz",
    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    Path.read_bytes,
    sha256,
    (at(HOME),),
)
# Digest of the 11,000 records one after the other. The first 10,000 alone are data_batch_1.bin,
# whose own digest cee91656... is widely published.
SUBSET: Resource[Records] = Resource(
    "cifar10_10k_train_1k_test.npz",
    "d44e96757bc3efa130f96c4351586232441df815708969484276f45d755ee4f3",
    _read_npz,
    lambda records: sha256(records.tobytes()),
    (Home("the first records of cifar-10-binary.tar.gz", _write_subset),),
)
