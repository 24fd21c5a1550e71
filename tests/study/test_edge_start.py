"""The start of a device, measured in processes of their own."""

import pytest

from obfnet.errors import ObfuscationFailedError
from obfnet.study.edge_start import clean_starts


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
