"""A backend that is away, busy or broken costs bounded attempts of the same bytes, no more."""

import math
import socket
import time
from contextlib import ExitStack

import pytest

from listeners import Scripted, good_answer, http_answer
from obfnet.errors import (
    BackendRefusedError,
    BackendUnavailableError,
    ProtocolError,
    SpecError,
)
from obfnet.wire import encode_error, transport, whole
from obfnet.wire.transport import Limits, Transport

BUSY = "503 Service Unavailable", "429 Too Many Requests", "502 Bad Gateway", "504 Gateway Timeout"
QUICK = Limits(timeout=10, attempts=3, backoff=0.001)
PATH = "/v2/models/infnet/infer"
BODY = b"any bytes at all"


@pytest.fixture
def scripted():
    with Scripted() as listener:
        yield listener


@pytest.fixture
def connect():
    """``connect(url, ...)`` is a transport that is closed after the test."""
    with ExitStack() as stack:

        def connect(url, limits=QUICK):
            made = Transport(url, limits)
            stack.callback(made.close)
            return made

        yield connect


def post(client, **options):
    return client.post(PATH, {}, BODY, **options).body


def body_of(answer):
    return answer.partition(b"\r\n\r\n")[2]


GOOD = good_answer(1)


@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_nobody_listens(attempts, connect):
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    client = connect(url, Limits(timeout=1, attempts=attempts, backoff=0.001))
    sent = []
    with pytest.raises(BackendUnavailableError, match=rf"{attempts} attempts.*refused"):
        post(client, sending=lambda: sent.append(1))
    assert sent == []  # no connection, so nothing went out


@pytest.mark.parametrize("attempts", [1, 4])
def test_hangs_up_at_once(attempts, connect, scripted):
    scripted.deaf = True
    client = connect(scripted.url, Limits(attempts=attempts, backoff=0.001))
    with pytest.raises(BackendUnavailableError, match=f"{attempts} attempts"):
        post(client)
    assert scripted.connections == attempts


@pytest.mark.parametrize("attempts", [1, 4])
def test_every_attempt_sends_the_same_bytes_and_is_counted(attempts, connect, scripted):
    client = connect(scripted.url, Limits(attempts=attempts, backoff=0.001))
    scripted.answers = [None] * attempts
    sent = []
    with pytest.raises(BackendUnavailableError, match="same bytes"):
        post(client, sending=lambda: sent.append(1))
    assert len(scripted.posts) == len(sent) == attempts
    assert len(set(scripted.posts)) == 1
    assert post(client) == body_of(GOOD)  # and it recovers


def test_who_counts_may_stop_the_next_attempt(connect, scripted):
    scripted.answers = [None] * 3
    left = iter([None])

    def sending():
        if next(left, "none") == "none":
            raise ProtocolError("enough")

    with pytest.raises(ProtocolError, match="enough"):
        post(connect(scripted.url), sending=sending)
    assert len(scripted.posts) == 1


@pytest.mark.parametrize("status", BUSY)
def test_busy_then_ready(status, connect, scripted):
    scripted.answers = [http_answer(*encode_error("busy"), status)] * 2
    assert post(connect(scripted.url)) == body_of(GOOD)
    assert len(scripted.posts) == 3
    assert len(set(scripted.posts)) == 1
    assert scripted.connections == 1


def test_busy_for_good(connect, scripted):
    scripted.answers = [http_answer(*encode_error("queue is full"), BUSY[0])] * 9
    with pytest.raises(BackendUnavailableError, match=r"3 attempts.*status 503: queue is full"):
        post(connect(scripted.url))
    assert len(scripted.posts) == 3


def busy(retry_after):
    headers, body = encode_error("busy")
    return http_answer({**headers, "Retry-After": retry_after}, body, BUSY[0])


def slept(monkeypatch):
    """The pauses between attempts, which then take no time."""
    found = []
    monkeypatch.setattr(transport.time, "sleep", found.append)
    return found


def test_a_busy_backend_says_when_to_come_back(connect, scripted, monkeypatch):
    pauses = slept(monkeypatch)
    scripted.answers = [busy("2"), busy("0")]
    assert post(connect(scripted.url)) == body_of(GOOD)
    assert pauses[0] == 2
    assert pauses[1] < 0.01  # no wish: the usual back-off


def test_its_wish_is_bounded(connect, scripted, monkeypatch):
    pauses = slept(monkeypatch)
    scripted.answers = [busy("86400"), busy("9" * 400)]
    limits = Limits(attempts=3, backoff=0.001, longest_wait=5)
    assert post(connect(scripted.url, limits)) == body_of(GOOD)
    assert pauses == [5, 5]


@pytest.mark.parametrize("wish", ["", "-5", "soon", "1.5", "²", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_wish_in_no_form_of_seconds_changes_nothing(wish, connect, scripted, monkeypatch):
    pauses = slept(monkeypatch)
    scripted.answers = [busy(wish)]
    assert post(connect(scripted.url)) == body_of(GOOD)
    assert pauses[0] < 0.01


def test_the_wish_of_one_attempt_does_not_outlive_it(connect, scripted, monkeypatch):
    pauses = slept(monkeypatch)
    scripted.answers = [busy("2"), None]
    assert post(connect(scripted.url)) == body_of(GOOD)
    assert pauses[0] == 2
    assert pauses[1] < 0.01


@pytest.mark.parametrize(
    "status", ["400 Bad Request", "401 Unauthorized", "404 Not Found", "413 Large", "500 Error"]
)
def test_refused_is_final(status, connect, scripted):
    scripted.answers = [http_answer(*encode_error("because"), status)]
    with pytest.raises(BackendRefusedError, match=f"status {status[:3]}: because"):
        post(connect(scripted.url))
    assert len(scripted.posts) == 1


def test_redirect_is_not_followed(connect, scripted):
    with Scripted() as other:
        headers = {"Location": f"{other.url}{PATH}"}
        scripted.answers = [http_answer(headers, b"", "307 Temporary Redirect")]
        with pytest.raises(BackendRefusedError, match="status 307"):
            post(connect(scripted.url))
        assert other.connections == 0


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
def test_noise_is_no_answer(noise, connect, scripted):
    client = connect(scripted.url)
    scripted.hangs_up, scripted.answers = True, [noise] * 3
    with pytest.raises(BackendUnavailableError):
        post(client)
    assert len(scripted.posts) == 3
    assert post(client) == body_of(GOOD)


@pytest.mark.parametrize("framing", [b"Content-Length: 5000", b"X: until the end"])
def test_answer_too_large_is_not_read(framing, connect, scripted, monkeypatch):
    monkeypatch.setattr(whole, "MOST_BYTES", 4000)
    scripted.hangs_up = True
    client = connect(scripted.url)
    scripted.answers = [b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n" + bytes(5000)]
    with pytest.raises(ProtocolError, match="more than 4000 bytes"):
        post(client)
    assert post(client) == body_of(GOOD)


def test_silence_ends_at_the_timeout(connect):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        client = connect(url, Limits(timeout=0.1, attempts=2, backoff=0))
        started = time.monotonic()
        with pytest.raises(BackendUnavailableError, match=r"2 attempts.*timed? ?out"):
            post(client)
        assert 0.2 <= time.monotonic() - started < 5


def test_backend_that_hung_up_while_idle_costs_no_attempt(connect, scripted):
    client = connect(scripted.url, Limits(attempts=1))
    scripted.hangs_up = True
    for _ in range(3):
        assert post(client) == body_of(GOOD)
        scripted.wait_until_closed()
    assert (len(scripted.posts), scripted.connections) == (3, 3)


def test_answer_that_nobody_asked_for_meets_no_sample(connect, scripted):
    scripted.answers = [good_answer(1) + good_answer(0)]
    client = connect(scripted.url)
    assert post(client) == body_of(GOOD)
    time.sleep(0.05)
    scripted.answers = [good_answer(2)]
    assert post(client) == body_of(good_answer(2))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "backend:8000",
        "https://",
        "HTTPS//backend",
        "https://user:secret@backend",
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
def test_name_that_no_resolver_takes(host, connect):
    client = connect(f"http://{host}", Limits(attempts=2, backoff=0))
    with pytest.raises(BackendUnavailableError):
        post(client)


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
        {"longest_wait": -1},
        {"longest_wait": math.nan},
    ],
)
def test_limits_that_nothing_can_keep(limits):
    with pytest.raises(SpecError, match="expected timeout > 0"):
        Limits(**limits)
