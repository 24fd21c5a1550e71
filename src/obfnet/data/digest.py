"""A digest of a dataset: what it is, whatever file it came from."""

from __future__ import annotations

import hashlib

from obfnet.data.dataset import Dataset


def digest(data: Dataset) -> str:
    """SHA-256 over everything in a dataset that forging, splitting and auditing use."""
    total = hashlib.sha256(repr((data.name, data.spec, data.kind, data.classes)).encode())
    for values in (data.labels, data.groups, *data.attributes.values()):
        total.update(values.tobytes())
    if data.official_test is not None:
        total.update(data.official_test.tobytes())
    total.update(data.samples.tobytes())
    return total.hexdigest()
