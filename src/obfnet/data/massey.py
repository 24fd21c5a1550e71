"""Massey hand gestures: digits and letters of five signers under five lights (Barczak 2011)."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from obfnet.data.dataset import Dataset
from obfnet.data.jpeg_blob import pictures
from obfnet.data.sources import Resource, obtain, sha256
from obfnet.errors import SpecError
from obfnet.specs import SampleSpec

HOME = "https://www.massey.ac.nz/~albarcza/gesture_dataset2012.html"
SIGNERS = ("1", "2", "3", "4", "5")
#: As they are numbered in the packed file, which does not name them.
LIGHTS = ("0", "1", "2", "3", "4")
#: Pixels of a picture as published and cut.
FULL = 200

# Cut and packed by this project's founders: no public home holds these very bytes.
RESOURCE = Resource(
    "asl36_massey_200px.npz",
    "0b98c3ad0a0ff76b8599c227cec550a721e06932aa3fdbd96f1abc33aa9c6b02",
    Path.read_bytes,
    sha256,
)


def load(side: int = 32) -> Dataset:
    """All 2,515 gestures of 36 classes: ``(2515, 3, side, side)``, pixel / 255 in [0, 1].

    Private attributes are ``signer`` (5) and ``light`` (5); groups are signers. Two signers were
    recorded in one light only, so each tells of the other.

    Args:
        side: pixels, up to 200; pictures are averaged down to it.

    Raises:
        SpecError: ``side`` is not in [8, 200].
        DataUnavailableError, DataCorruptError: see :func:`sources.obtain`.
    """
    if not 8 <= side <= FULL:
        raise SpecError(f"expected a side of 8 to {FULL} pixels, got {side}")
    with np.load(io.BytesIO(obtain(RESOURCE)), allow_pickle=False) as arrays:
        jpeg, offsets = arrays["jpeg"], arrays["offset"]
        labels, classes = arrays["label"].astype(np.int64), tuple(map(str, arrays["classes"]))
        signer = arrays["signer"].astype(np.int64) - 1
        light = arrays["light"].astype(np.int64)
    return Dataset(
        name="massey",
        samples=pictures(jpeg, offsets, range(len(labels)), side),
        labels=labels,
        spec=SampleSpec((3, side, side), 0.0, 1.0),
        classes=classes,
        licence="research",
        home=HOME,
        groups=signer,
        attributes={"signer": signer, "light": light},
        attribute_names={"signer": SIGNERS, "light": LIGHTS},
        kind="image",
    )
