"""The start of a device, measured in processes of their own."""

import io

import numpy as np
import pytest

from obfnet.bundling.archive import write
from obfnet.bundling.keys import SigningKey
from obfnet.bundling.manifest import Entry, Manifest
from obfnet.errors import ObfuscationFailedError, SpecError
from obfnet.specs import SampleSpec
from obfnet.study.edge_start import clean_starts
from onnx_files import scores


@pytest.fixture
def bundle(tmp_path):
    """``bundle(key)`` is the file of a bundle that the key has signed."""

    def bundle(key):
        table = io.BytesIO()
        np.save(table, np.zeros((3, 1, 1, 2, 2), np.float32))
        entry = Entry("codebook", {"codes": 3}, "e.onnx", "d.npy", {}, 0, 0, 1.0, 0, 0.0)
        spec = SampleSpec((1, 2, 2), 0.0, 1.0)
        now = "2026-11-22T09:00:00+00:00"
        manifest = Manifest("d" * 64, spec, "device-0", "5e7", 1, now, "", {}, (entry,), {}, {})
        write(manifest, {"e.onnx": scores(), "d.npy": table.getvalue()}, key).save(tmp_path / "b")
        return tmp_path / "b"

    return bundle


@pytest.fixture
def signed_bundle(bundle):
    return bundle(SigningKey(bytes(32)))


def test_each_runtime_starts(signed_bundle):
    rows = clean_starts(signed_bundle, ("numpy",), rounds=1)
    assert [(row["subject"], row["unit"]) for row in rows] == [
        (f"clean start to the {first}, numpy", unit)
        for first in ("first sample", "first message")
        for unit in ("s", "CPU s", "MB resident")
    ]
    assert all(row["value"] > 0 for row in rows)
    assert 10 < rows[2]["value"] < 200


def test_one_that_fails_is_said(signed_bundle):
    with pytest.raises(ObfuscationFailedError, match="abacus"):
        clean_starts(signed_bundle, ("abacus",), rounds=1)


def test_a_device_verifies(bundle):
    with pytest.raises(SpecError, match="not signed"):
        clean_starts(bundle(None))
