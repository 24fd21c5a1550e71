"""Imagenette: ten easily told classes of ImageNet (fastai), here as pictures of 128x128 pixels."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from obfnet.data.dataset import Dataset
from obfnet.data.jpeg_blob import pictures
from obfnet.data.sources import Resource, obtain, sha256
from obfnet.errors import SpecError
from obfnet.specs import SampleSpec

CLASSES = (
    "tench", "English springer", "cassette player", "chain saw", "church", "French horn",
    "garbage truck", "gas pump", "golf ball", "parachute",
)  # fmt: skip
#: Where these classes stand among ImageNet's thousand: for ``obfnet.freeze(outputs=...)``.
IMAGENET = (0, 217, 482, 491, 497, 566, 569, 571, 574, 701)
SHAPE = (3, 128, 128)
HOME = "https://github.com/fastai/imagenette"

# Cut and packed by this project's founders: no public home holds these very bytes.
RESOURCE = Resource(
    "imagenette_128px.npz",
    "727bddb14fcf710b63d374d3b5c0e3e22e62c8aac350a5b3924660b8f17e9185",
    Path.read_bytes,
    sha256,
)


def load(train: int | None = 100, test: int | None = 50) -> Dataset:
    """Imagenette: ``(n, 3, 128, 128)``, pixel / 255 in [0, 1]; no private attribute is published.

    Training pictures come first; the official test is fastai's validation set.

    Args:
        train: so many training pictures of each class, the first ones; None for all 9,469.
        test: so many official test pictures of each class; None for all 3,925. All pictures
            take 2.6 GB as float32, the default .3 GB.

    Raises:
        SpecError: fewer than one picture of each class.
        DataUnavailableError, DataCorruptError: see :func:`sources.obtain`.
    """
    if (train is not None and train < 1) or (test is not None and test < 1):
        raise SpecError(f"expected train >= 1 and test >= 1, got {train} and {test}")
    with np.load(io.BytesIO(obtain(RESOURCE)), allow_pickle=False) as arrays:
        jpeg, offsets = arrays["jpeg"], arrays["offset"]
        labels, parts = arrays["label"].astype(np.int64), arrays["split"]
    chosen = [
        np.flatnonzero((parts == part) & (labels == label))[:count]
        for part, count in ((0, train), (1, test))
        for label in range(len(CLASSES))
    ]
    indices = np.concatenate(chosen)
    return Dataset(
        name="imagenette",
        samples=pictures(jpeg, offsets, indices, SHAPE[1]),
        labels=labels[indices],
        spec=SampleSpec(SHAPE, 0.0, 1.0),
        classes=CLASSES,
        licence="ImageNet terms, research",
        home=HOME,
        official_test=parts[indices] == 1,
        kind="photo",
    )
