"""A small bundle: the archive does not look into its members, so any bytes will do."""

import pytest

from obfnet.bundling.archive import write
from obfnet.bundling.keys import SigningKey
from obfnet.bundling.manifest import Entry, Manifest
from obfnet.specs import SampleSpec


@pytest.fixture
def entry():
    return Entry(
        mechanism="codebook",
        mechanism_args={"codes": 3, "rows_per_class": 1},
        encoder="0/encoder.onnx",
        decoder="0/rows.npy",
        certificate={"bits": 1.585, "assumptions": ["none"]},
        params=15,
        macs=12,
        validation_accuracy=0.99,
        seed=7,
        seconds=1.5,
    )


@pytest.fixture
def manifest(entry):
    return Manifest(
        infnet="d" * 64,
        sample=SampleSpec((1, 2, 2), 0.0, 1.0),
        device="device-0",
        set="5e7",
        version=3,
        issued="2026-11-22T09:00:00+00:00",
        expires="2027-11-22T09:00:00+00:00",
        audit={"leakage": 0.0},
        obfnets=(entry,),
        digests={},
        versions={"obfnet": "0.1.0"},
    )


@pytest.fixture
def members():
    return {"0/encoder.onnx": bytes(range(256)) * 2, "0/rows.npy": b"rows" * 50}


@pytest.fixture
def bundle(manifest, members):
    return write(manifest, members)


@pytest.fixture(scope="session")
def key():
    return SigningKey(bytes(range(32)))


@pytest.fixture
def signed(manifest, members, key):
    return write(manifest, members, key)
