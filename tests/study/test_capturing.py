"""A real client before a real backend: its requests cannot be told apart but by when they come."""

import pytest

from obfnet.auditing.captured import tell_apart
from obfnet.bundling.onnx_export import export_onnx
from obfnet.bundling.pack import bundle
from obfnet.forging.sets import ObfNetSet
from obfnet.serving import Settings, running
from obfnet.study.capturing import capture
from onnx_files import repository

COUNT = 60


@pytest.fixture(scope="module")
def captured(infnet, codebook, digits, splits, tmp_path_factory):
    samples = digits.samples[splits.evaluation]
    device = bundle(ObfNetSet("device-0", (codebook,), infnet.digest, samples[:17]))
    folder = tmp_path_factory.mktemp("models")
    repository(folder, infnet=export_onnx(infnet.module, samples[:17]))
    with running(Settings(folder, port=0)) as url:
        return capture(device, url, samples, COUNT, 0)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_heads_and_lengths_are_a_coin(captured):
    assert len(captured.raw) == len(captured.obfuscated) == COUNT
    found = {each.view: each for each in tell_apart(captured.raw, captured.obfuscated, 0)}
    for view in ("head", "length"):
        assert (found[view].auc, found[view].ci) == (0.5, (0.5, 0.5))
    low, high = found["timing"].ci  # obfuscating takes time, and that may well be seen
    assert 0 <= low <= found["timing"].auc <= high <= 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_capture_is_the_whole_request_but_the_tensor(captured):
    assert len({each.head for each in (*captured.raw, *captured.obfuscated)}) == 1
    one = captured.raw[0]
    head, body = one.head.split(b"\r\n\r\n", 1)
    assert head.startswith(b"POST /v2/models/infnet/infer HTTP/1.1\r\n")
    assert (body[:1], body[-1:]) == (b"{", b"}")
    assert one.body_length == len(body) + 4 * 64
    assert all(each.seconds > 0 for each in captured.raw)
