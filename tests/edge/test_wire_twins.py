"""On the wire a raw and an obfuscated request are twins: the same bytes but for the tensor."""

import re
import subprocess
import sys

import numpy as np
import pytest

from listeners import good_answer, http_answer
from obfnet.edge.device_key import DeviceKey
from obfnet.edge.picker import pinned
from obfnet.edge.policy import always, never

TENSOR_BYTES = 4 * 4

# A device and a backend in one process: neither may load what belongs to the forge.
DEVICE = """
import sys
from pathlib import Path
import numpy as np
import obfnet.serving.app
from obfnet.bundling.keys import PublicKey
from obfnet.bundling.trust import trusting
from obfnet.edge.client import EdgeClient
from obfnet.serving import Settings
from obfnet.serving.app import create_app

trust = trusting(PublicKey.from_hex(sys.argv[4]))
with EdgeClient(sys.argv[1], sys.argv[2], trust=trust) as client:
    print(client.infer(np.array([[[.1, .2], [.9, .3]]], np.float32)))
create_app(Settings(Path(sys.argv[3])))
print(sorted({"torch", "sklearn", "librosa", "scipy", "onnx"} & sys.modules.keys()))
"""


@pytest.fixture
def captured(connect, relay):
    """Every byte that a fresh client sends for these samples, one list of requests."""

    def captured(bundle, policy, samples, **options):
        before = len(relay.received)
        client = connect(bundle, relay.url, policy=policy, **options)
        for sample in samples:
            client.infer(sample)
        client.close()
        count = len(relay.requests)
        sent = relay.received[before:]
        requests = relay.requests[count - 2 - len(samples) :]
        assert b"".join(requests) == sent  # nothing else went over the wire
        return requests

    return captured


@pytest.mark.parametrize("name", ["codebook", "four_codebooks", "published"])
def test_twins(name, captured, samples, request):
    bundle = request.getfixturevalue(name)
    raw = captured(bundle, never, samples)
    obfuscated = captured(bundle, always, samples)
    again = captured(bundle, always, samples[::-1])
    # The question for the model's input, and the probe.
    assert raw[:2] == obfuscated[:2] == again[:2]
    posts = [*raw[2:], *obfuscated[2:], *again[2:]]
    assert len(posts) == 3 * len(samples)
    assert {post[:-TENSOR_BYTES] for post in posts} == {raw[1][:-TENSOR_BYTES]}
    assert {len(post) for post in posts} == {len(raw[1])}
    for sample, post in zip(samples, raw[2:], strict=True):
        assert post[-TENSOR_BYTES:] == sample.tobytes()
    everything = b"".join(obfuscated) + b"".join(again)
    assert not any(sample.tobytes() in everything for sample in samples)


def test_twins_with_a_token_and_a_pinned_picker(captured, four_codebooks, samples):
    options = {"token": "a-token", "picker": pinned(DeviceKey(bytes(32)))}
    raw = captured(four_codebooks, never, samples, **options)
    obfuscated = captured(four_codebooks, always, samples, **options)
    assert raw[:2] == obfuscated[:2]
    assert {post[:-TENSOR_BYTES] for post in (*raw[2:], *obfuscated[2:])} == {
        raw[2][:-TENSOR_BYTES]
    }
    assert all(b"\r\nAuthorization: Bearer a-token\r\n" in request for request in raw)


def test_twins_in_json(scripted, connect, four_codebooks, samples):
    """Values of any number of digits, in requests of one length."""
    scripted.probed = [http_answer({}, b"", "500 Error"), good_answer(1)] * 2
    for policy in (never, always):
        client = connect(four_codebooks, scripted.url, policy=policy)
        for sample in (np.zeros_like(samples[0]), *samples):
            client.infer(sample)
    mark = b'"data":['
    assert len(scripted.posts) == 2 * (1 + len(samples))
    assert {len(post) for post in scripted.posts} == {len(scripted.posts[0])}
    assert {post.partition(mark)[0] for post in scripted.posts} == {
        scripted.posts[0].partition(mark)[0]
    }
    forms = [re.sub(rb"[0-9+-]", b"#", post.partition(mark)[2]) for post in scripted.posts]
    assert set(forms) == {b",".join([b" #.########e###"] * 4) + b"]}]}"}


def test_the_request_names_nothing_of_the_device(captured, codebook, samples):
    metadata, _, post = captured(codebook, always, samples[:1])
    assert metadata.startswith(b"GET /v2/models/infnet HTTP/1.1\r\n")
    head, body = post[:-TENSOR_BYTES].split(b"\r\n\r\n")
    request, *lines = head.split(b"\r\n")
    assert request == b"POST /v2/models/infnet/infer HTTP/1.1"
    headers = dict(line.lower().split(b": ") for line in lines)
    assert headers.pop(b"host").startswith(b"127.0.0.1:")
    assert headers == {
        b"accept-encoding": b"identity",
        b"content-length": b"%d" % (len(body) + TENSOR_BYTES),
        b"content-type": b"application/octet-stream",
        b"inference-header-content-length": b"%d" % len(body),
    }
    assert body == (
        b'{"parameters":{"binary_data_output":true},"inputs":[{"name":"x","shape":[1,1,2,2],'
        b'"datatype":"FP32","parameters":{"binary_data_size":16}}]}'
    )


def test_codebook_keeps_within_the_range(captured, four_codebooks, make, samples):
    posts = captured(four_codebooks, always, samples)[2:]
    sent = np.frombuffer(b"".join(post[-TENSOR_BYTES:] for post in posts), "<f4")
    make.spec.check(sent.reshape(-1, 1, 2, 2))


def test_neither_device_nor_backend_loads_torch(codebook, backend, make, tmp_path):
    codebook.save(tmp_path / "device.bundle")
    model = tmp_path / "models" / "infnet" / "1" / "model.onnx"
    model.parent.mkdir(parents=True)
    model.write_bytes(make.encoder)
    run = subprocess.run(
        [
            sys.executable,
            "-c",
            DEVICE,
            tmp_path / "device.bundle",
            backend,
            tmp_path / "models",
            str(make.key.public),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.stdout, run.stderr, run.returncode) == ("2\n[]\n", "", 0)
