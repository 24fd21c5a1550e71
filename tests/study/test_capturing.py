"""A real client before a real backend: its requests cannot be told apart but by when they come."""

import io

import numpy as np
import pytest

from obfnet.auditing.captured import tell_apart
from obfnet.bundling.archive import write
from obfnet.bundling.manifest import Entry, Manifest
from obfnet.serving import Settings, running
from obfnet.specs import SampleSpec
from obfnet.study.capturing import capture
from onnx_files import repository, scores

COUNT = 80


@pytest.fixture(scope="module")
def captured(tmp_path_factory):
    rows = io.BytesIO()
    np.save(rows, np.eye(3, 4, dtype=np.float32).reshape(3, 1, 1, 2, 2))
    names = "0/encoder.onnx", "0/rows.npy"
    entry = Entry("codebook", {"codes": 3}, *names, {}, 0, 0, 1.0, 0, 0.0)
    manifest = Manifest(
        infnet="d" * 64,
        sample=SampleSpec((1, 2, 2), 0.0, 1.0),
        device="device-0",
        set="5e7",
        version=1,
        issued="2026-11-22T09:00:00+00:00",
        expires="",
        audit={},
        obfnets=(entry,),
        digests={},
        versions={},
    )
    device = write(manifest, dict(zip(names, (scores(), rows.getvalue()), strict=True)))
    samples = np.random.default_rng(0).random((30, 1, 2, 2), dtype=np.float32)
    folder = repository(tmp_path_factory.mktemp("models"), infnet=scores())
    with running(Settings(folder, port=0)) as url:
        return capture(device, url, samples, COUNT, 0)


def test_heads_and_lengths_are_a_coin(captured):
    assert len(captured.raw) == len(captured.obfuscated) == COUNT
    found = {each.view: each for each in tell_apart(captured.raw, captured.obfuscated, 0)}
    for view in ("head", "length"):
        assert (found[view].auc, found[view].ci) == (0.5, (0.5, 0.5))
    low, high = found["timing"].ci  # obfuscating takes time, and that may well be seen
    assert 0 <= low <= found["timing"].auc <= high <= 1


def test_a_capture_is_the_whole_request_but_the_tensor(captured):
    assert len({each.head for each in (*captured.raw, *captured.obfuscated)}) == 1
    one = captured.raw[0]
    head, body = one.head.split(b"\r\n\r\n", 1)
    assert head.startswith(b"POST /v2/models/infnet/infer HTTP/1.1\r\n")
    assert (body[:1], body[-1:]) == (b"{", b"}")
    assert one.body_length == len(body) + 4 * 4
    assert all(each.seconds > 0 for each in captured.raw)
