"""A backend that is away, busy or broken is sent the same obfuscated bytes, or nothing."""

import random
from contextlib import suppress

import numpy as np
import pytest

from obfnet.edge.policy import never
from obfnet.errors import BackendUnavailableError, ObfNetError, ProtocolError
from obfnet.wire.transport import Limits


@pytest.mark.parametrize("attempts", [1, 4])
def test_every_attempt_sends_the_same_obfuscated_bytes(
    attempts, four_codebooks, connect, scripted, samples
):
    limits = Limits(attempts=attempts, backoff=0.001)
    client = connect(four_codebooks, scripted.url, limits)
    for sample in samples[:5]:
        scripted.answers = [None] * attempts
        before = len(scripted.posts)
        with pytest.raises(BackendUnavailableError, match="same bytes"):
            client.infer(sample)
        tried = scripted.posts[before:]
        assert len(tried) == attempts
        assert len(set(tried)) == 1
        assert scripted.answers == []
    assert not any(sample.tobytes() in scripted.received for sample in samples)
    assert client.infer(samples[0]) == 1  # and it recovers


def test_message_claims_nothing_of_what_was_sent(codebook, connect, scripted, samples):
    client = connect(codebook, scripted.url, policy=never)
    scripted.answers = [None] * 3
    with pytest.raises(BackendUnavailableError) as caught:
        client.infer(samples[0])
    assert samples[0].tobytes() in scripted.received
    assert "raw" not in str(caught.value)


def scores(*shape):
    return np.zeros(shape, np.float32)


GARBAGE = [
    lambda answer: answer.http({}, b""),
    lambda answer: answer.http({}, b"<html>"),
    lambda answer: answer.http({}, b"\xff\xfe"),
    lambda answer: answer.http({}, b"[]"),
    lambda answer: answer.http({}, b'{"model_name":"m"}'),
    lambda answer: answer.http({"Inference-Header-Content-Length": "999"}, b"{}"),
    lambda answer: answer.http({"Inference-Header-Content-Length": "-1"}, b"{}"),
    lambda answer: answer.http({"Content-Encoding": "gzip"}, b"\x1f\x8b\x08"),
    lambda answer: answer.scores(),
    lambda answer: answer.scores(scores(1, 0)),
    lambda answer: answer.scores(scores(0, 3)),
    lambda answer: answer.scores(scores(2, 3)),
    lambda answer: answer.scores(scores(3)),
    lambda answer: answer.scores(scores()),
    lambda answer: answer.scores(scores(1, 3, 1)),
    lambda answer: answer.scores(np.array([[0, np.nan, 1]], np.float32)),
    lambda answer: answer.scores(np.array([[np.nan]], np.float16)),
]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage(garbage, codebook, connect, scripted, answer, samples):
    scripted.answers = [garbage(answer)]
    client = connect(codebook, scripted.url)
    with pytest.raises(ProtocolError):
        client.infer(samples[0])
    assert len(scripted.posts) == 1
    assert client.infer(samples[0]) == 1


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.float64, np.float16, np.bool_])
def test_scores_of_any_number_type(dtype, codebook, connect, scripted, answer, samples):
    scripted.answers = [answer.scores(np.array([[0, 0, 1]], dtype), scores(5))]
    assert connect(codebook, scripted.url).infer(samples[0]) == 2


def test_scores_may_be_the_log_of_zero(codebook, connect, scripted, answer, samples):
    scripted.answers = [answer.scores(np.array([[-np.inf, 0, -np.inf]], np.float32))]
    assert connect(codebook, scripted.url).infer(samples[0]) == 1


def test_damaged_answers_never_escape_the_types(codebook, connect, scripted, answer, samples):
    source = random.Random(0)
    client = connect(codebook, scripted.url, Limits(timeout=10, attempts=1, backoff=0))
    client.prepare(samples[0])
    scripted.hangs_up = True
    labels = 0
    for _ in range(150):
        noise = bytearray(answer.good(2))
        for _ in range(source.choice((1, 3))):
            noise[source.randrange(len(noise))] = source.randrange(256)
        scripted.answers = [bytes(noise[: source.choice((None, source.randrange(len(noise))))])]
        with suppress(ObfNetError):
            labels += client.infer(samples[0]) in range(3)
    assert 0 < labels < 150


@pytest.mark.parametrize(
    "metadata",
    [
        b"",
        b"{}",
        b'{"name":"m"}',
        b'{"name":"m","inputs":[{"name":"x","datatype":"FP32","shape":[-1,1,2]}]}',
        b'{"name":"m","inputs":[{"name":"x","datatype":"FP32","shape":[2,1,2,2]}]}',
        b'{"name":"m","inputs":[{"name":"x","datatype":"UINT8","shape":[-1,1,2,2]}]}',
        b'{"name":"m","inputs":[{"name":"","datatype":"FP32","shape":[-1,1,2,2]}]}',
    ],
)
def test_metadata_that_does_not_fit(metadata, codebook, connect, scripted, answer, samples):
    scripted.metadata = answer.http({}, metadata)
    with pytest.raises(ProtocolError):
        connect(codebook, scripted.url).infer(samples[0])
    assert scripted.posts == []


def test_path_before_the_protocols_own(codebook, connect, scripted, samples):
    assert connect(codebook, f"{scripted.url}/a b/%20/", model="m/n").infer(samples[0]) == 1
    get, probe, post = scripted.requests
    assert probe.startswith(b"POST /a%20b/%20/v2/models/m%2Fn/infer HTTP/1.1\r\n")
    assert get.startswith(b"GET /a%20b/%20/v2/models/m%2Fn HTTP/1.1\r\n")
    assert post.startswith(b"POST /a%20b/%20/v2/models/m%2Fn/infer HTTP/1.1\r\n")
