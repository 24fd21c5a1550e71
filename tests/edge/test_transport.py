"""A backend that is away, busy or broken costs bounded attempts of the same bytes, no more."""

import math
import random
import socket
import time
from contextlib import suppress

import numpy as np
import pytest

from obfnet.edge import transport
from obfnet.edge.policy import never
from obfnet.edge.transport import Limits, Transport
from obfnet.errors import (
    BackendRefusedError,
    BackendUnavailableError,
    ObfNetError,
    ProtocolError,
    SpecError,
)
from obfnet.wire import encode_error

BUSY = "503 Service Unavailable", "429 Too Many Requests", "502 Bad Gateway", "504 Gateway Timeout"


@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_nobody_listens(attempts, codebook, connect, samples):
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    client = connect(codebook, url, Limits(timeout=1, attempts=attempts, backoff=0.001))
    with pytest.raises(BackendUnavailableError, match=rf"{attempts} attempts.*refused"):
        client.infer(samples[0])


@pytest.mark.parametrize("attempts", [1, 4])
def test_hangs_up_at_once(attempts, codebook, connect, scripted, samples):
    scripted.deaf = True
    client = connect(codebook, scripted.url, Limits(attempts=attempts, backoff=0.001))
    with pytest.raises(BackendUnavailableError, match=f"{attempts} attempts"):
        client.infer(samples[0])
    assert scripted.connections == attempts


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


@pytest.mark.parametrize("status", BUSY)
def test_busy_then_ready(status, codebook, connect, scripted, answer, samples):
    scripted.answers = [answer.http(*encode_error("busy"), status)] * 2 + [answer.good(2)]
    client = connect(codebook, scripted.url)
    assert client.infer(samples[0]) == 2
    assert len(scripted.posts) == 3
    assert len(set(scripted.posts)) == 1
    assert scripted.connections == 1


def test_busy_for_good(codebook, connect, scripted, answer, samples):
    scripted.answers = [answer.http(*encode_error("queue is full"), BUSY[0])] * 9
    with pytest.raises(BackendUnavailableError, match=r"3 attempts.*status 503: queue is full"):
        connect(codebook, scripted.url).infer(samples[0])
    assert len(scripted.posts) == 3


@pytest.mark.parametrize(
    "status", ["400 Bad Request", "401 Unauthorized", "404 Not Found", "413 Large", "500 Error"]
)
def test_refused_is_final(status, codebook, connect, scripted, answer, samples):
    scripted.answers = [answer.http(*encode_error("because"), status)]
    with pytest.raises(BackendRefusedError, match=f"status {status[:3]}: because"):
        connect(codebook, scripted.url).infer(samples[0])
    assert len(scripted.posts) == 1


def test_redirect_is_not_followed(codebook, connect, scripted, relay, answer, samples):
    headers = {"Location": f"{relay.url}/v2/models/infnet/infer"}
    scripted.answers = [answer.http(headers, b"", "307 Temporary Redirect")]
    with pytest.raises(BackendRefusedError, match="status 307"):
        connect(codebook, scripted.url).infer(samples[0])
    assert relay.connections == 0


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


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "noise",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\0" * 100,
        b"HTTP/1.1 999999 What\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\ncut off",
        CHUNKED + b"5\r\nab",
        CHUNKED + b"-5\r\nabcde\r\n0\r\n\r\n",
        CHUNKED + b"zz\r\nabcde\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000,
    ],
)
def test_noise_is_no_answer(noise, codebook, connect, scripted, samples):
    client = connect(codebook, scripted.url)
    client.prepare(samples[0])
    scripted.hangs_up, scripted.answers = True, [noise] * 3
    with pytest.raises(BackendUnavailableError):
        client.infer(samples[0])
    assert len(scripted.posts) == 3
    assert client.infer(samples[0]) == 1


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


@pytest.mark.parametrize("framing", [b"Content-Length: 5000", b"X: until the end"])
def test_answer_too_large_is_not_read(framing, codebook, connect, scripted, samples, monkeypatch):
    monkeypatch.setattr(transport, "MOST_BYTES", 4000)
    scripted.hangs_up = True
    client = connect(codebook, scripted.url)
    scripted.answers = [b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n" + bytes(5000)]
    with pytest.raises(ProtocolError, match="more than 4000 bytes"):
        client.infer(samples[0])
    assert client.infer(samples[0]) == 1


def test_silence_ends_at_the_timeout(codebook, connect, samples):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        client = connect(codebook, url, Limits(timeout=0.1, attempts=2, backoff=0))
        started = time.monotonic()
        with pytest.raises(BackendUnavailableError, match=r"2 attempts.*timed? ?out"):
            client.infer(samples[0])
        assert 0.2 <= time.monotonic() - started < 5


def test_backend_that_hung_up_while_idle_costs_no_attempt(codebook, connect, scripted, samples):
    client = connect(codebook, scripted.url, Limits(attempts=1))
    client.prepare(samples[0])
    scripted.hangs_up = True
    for _ in range(3):
        assert client.infer(samples[0]) == 1
        scripted.wait_until_closed()
    assert (len(scripted.posts), scripted.connections) == (3, 3)


def test_answer_that_nobody_asked_for_meets_no_sample(codebook, connect, scripted, answer, samples):
    scripted.answers = [answer.good(1) + answer.good(0)]
    client = connect(codebook, scripted.url)
    assert client.infer(samples[0]) == 1
    time.sleep(0.05)
    scripted.answers = [answer.good(2)]
    assert client.infer(samples[0]) == 2


@pytest.mark.parametrize(
    "url",
    [
        "",
        "backend:8000",
        "https://backend",
        "ftp://backend",
        "http://",
        "http://:8000",
        "http://backend:port",
        "http://backend:99999",
        "http://[::1",
        "http://user:secret@backend",
        "http://backend/?a=b",
        "http://backend/#here",
        "http://two words",
    ],
)
def test_address_that_is_none(url):
    with pytest.raises(SpecError, match="backend"):
        Transport(url, Limits())


@pytest.mark.parametrize("host", ["a" * 64, "a..b", "."])
def test_name_that_no_resolver_takes(host, codebook, connect, samples):
    client = connect(codebook, f"http://{host}", Limits(attempts=2, backoff=0))
    with pytest.raises(BackendUnavailableError):
        client.infer(samples[0])


def test_path_before_the_protocols_own(codebook, connect, scripted, samples):
    assert connect(codebook, f"{scripted.url}/a b/%20/", model="m/n").infer(samples[0]) == 1
    get, post = scripted.requests
    assert get.startswith(b"GET /a%20b/%20/v2/models/m%2Fn HTTP/1.1\r\n")
    assert post.startswith(b"POST /a%20b/%20/v2/models/m%2Fn/infer HTTP/1.1\r\n")


@pytest.mark.parametrize(
    "limits",
    [
        {"timeout": 0},
        {"timeout": -1},
        {"timeout": math.nan},
        {"timeout": math.inf},
        {"attempts": 0},
        {"backoff": -1},
        {"backoff": math.nan},
        {"backoff": math.inf},
    ],
)
def test_limits_that_nothing_can_keep(limits):
    with pytest.raises(SpecError, match="expected timeout > 0"):
        Limits(**limits)
