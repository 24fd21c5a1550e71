"""A pool of public samples: what is in it twice, and what must not be in it."""

from __future__ import annotations

import hashlib

import numpy as np

from obfnet.errors import OverlapError
from obfnet.specs import Labels, Samples


def fingerprints(samples: Samples) -> list[bytes]:
    """A hash of each sample's values; 0 and -0 count as the same."""
    positive = np.ascontiguousarray(samples, np.float32) + np.float32(0)
    return [hashlib.blake2b(sample.tobytes(), digest_size=16).digest() for sample in positive]


def distinct(pool: Samples, without: Samples) -> Labels:
    """Indices of the pool's samples, each once, but for those that ``without`` holds."""
    known = set(fingerprints(without))
    first: dict[bytes, int] = {}
    for position, mark in enumerate(fingerprints(pool)):
        if mark not in known:
            first.setdefault(mark, position)
    return np.fromiter(first.values(), np.int64, len(first))


def refuse_overlap(pool: Samples, others: Samples, name: str) -> None:
    """Refuse a pool that holds a sample of ``others``, value for value.

    The pool of an ObfNet must share nothing with what it is trained, validated, tested or
    audited on. Only exact copies are found here: crops, other encodings of one picture or
    another frame of one recording are for whoever brings the pool to keep out.

    Args:
        pool: ``(n, *shape)``.
        others: ``(m, *shape)``.
        name: what ``others`` are, for the message.

    Raises:
        OverlapError: they share a sample.
    """
    known = set(fingerprints(others))
    shared = [place for place, mark in enumerate(fingerprints(pool)) if mark in known]
    if shared:
        raise OverlapError(
            f"the pool shares {len(shared)} samples with {name}, the first is number {shared[0]} "
            "of the pool; expected none: remove them from the pool"
        )
