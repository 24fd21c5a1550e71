"""American sign language: hands that spell, as frames of a few recordings (Kaggle, ASL Alphabet).

Every class is exactly four recordings of one person. Frames of one recording hardly differ: on a
random split a test frame's neighbours were trained on, on a split by session they were not.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from obfnet.data.dataset import Dataset
from obfnet.data.jpeg_blob import pictures
from obfnet.data.sources import Resource, obtain, sha256
from obfnet.data.splits import Splits, split
from obfnet.errors import SpecError
from obfnet.specs import SampleSpec

HOME = "https://www.kaggle.com/datasets/grassknoted/asl-alphabet"
#: Recordings of each class: frames 1-1000, -2000, -2500 and -3000.
SESSIONS = ("0", "1", "2", "3")

# Cut and packed by this project's founders: no public home holds these very bytes.
RESOURCE_32 = Resource(
    "asl29_kaggle_32px_full.npz",
    "4637bd5b887c4957344d9de5f3f4eb51a220f94466273990ae7d4e78174f22d6",
    Path.read_bytes,
    sha256,
)
RESOURCE_64 = Resource(
    "asl24_kaggle_64px_1000pc.npz",
    "4c5f39752c442e1893e9f3d7c716cf31b8a517865684acfe453ac65880ff6172",
    Path.read_bytes,
    sha256,
)


def load(every: int = 1) -> Dataset:
    """All 87,000 frames of 29 classes: ``(n, 3, 32, 32)``, pixel / 255 in [0, 1].

    The private attribute ``session`` is the recording (4), and so are the groups. The 28 official
    test pictures are left out: nobody says which recording they are of.

    Args:
        every: take one frame in so many, from the first of each class on; all frames take
            1.1 GB as float32.

    Raises:
        SpecError: ``every`` is below 1.
        DataUnavailableError, DataCorruptError: see :func:`sources.obtain`.
    """
    return _load("asl29", RESOURCE_32, 32, every)


def load_letters(every: int = 1) -> Dataset:
    """The 24 static letters, 1,000 frames each: ``(n, 3, 64, 64)``; otherwise as ``load``.

    They are the same recordings, every third frame: 1.2 GB as float32.
    """
    return _load("asl24", RESOURCE_64, 64, every)


def split_sessions(data: Dataset, seed: int) -> Splits:
    """Whole recordings on one side: two to train on, one to validate, one to test."""
    return split(data, seed, (0.5, 0.25, 0.25), disjoint_groups=True)


def _load(name: str, resource: Resource[bytes], side: int, every: int) -> Dataset:
    if every < 1:
        raise SpecError(f"expected every >= 1, got {every}")
    with np.load(io.BytesIO(obtain(resource)), allow_pickle=False) as arrays:
        jpeg, offsets, sessions = arrays["jpeg"], arrays["offset"], arrays["session"]
        labels, classes = arrays["label"], tuple(map(str, arrays["classes"]))
    known = np.flatnonzero(sessions < len(SESSIONS))
    chosen = np.concatenate(
        [known[labels[known] == label][::every] for label in range(len(classes))]
    )
    session = sessions[chosen].astype(np.int64)
    return Dataset(
        name=name,
        samples=pictures(jpeg, offsets, chosen, side),
        labels=labels[chosen].astype(np.int64),
        spec=SampleSpec((3, side, side), 0.0, 1.0),
        classes=classes,
        licence="see its page",
        home=HOME,
        groups=session,
        attributes={"session": session},
        attribute_names={"session": SESSIONS},
        kind="image",
    )
