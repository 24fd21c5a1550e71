"""Answers read without ceremony are what the standard library reads, however they arrive."""

import http.client
import socket
import threading
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obfnet.wire.whole import WholeRequests

STATUSES = b"200 OK", b"200 ", b"200", b"404 Not Found", b"503 Busy", b"204 No Content"
FIELDS = (
    b"Content-Type: application/json",
    b"X-Twice: one",
    b"x-twice:two",
    b"Empty:",
    b"Connection: keep-alive",
    b"Connection: close",
    b"Folded: one\r\n two",
    b"Inference-Header-Content-Length:  7 ",
    b"Content-Length: 2",
    b"Content-Length: +2",
)
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nRetry-After: 7\r\n\r\nhello"


def asked(content, cuts=(), body=b"ab", method="POST"):
    """What a client reads of ``content`` sent in pieces, and the request that it sent."""
    ours, theirs = socket.socketpair()
    client = WholeRequests("backend", 80, timeout=20)
    client.sock = ours
    places = [0, *sorted(cuts), len(content)]

    def answer():
        for start, end in pairwise(places):
            theirs.sendall(content[start:end])
        theirs.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=answer)
    sender.start()
    try:
        return client.ask(method, "/v2", body, {"A": "b"}), theirs.recv(1 << 16)
    finally:
        sender.join()
        client.close()
        theirs.close()


def by_the_standard_library(content):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(content)
        theirs.shutdown(socket.SHUT_WR)
        with http.client.HTTPResponse(ours, method="POST") as response:
            response.begin()
            body = response.read()
            names = {name.lower() for name in response.headers}
            return response.status, {name: response.headers[name] for name in names}, body


@given(
    status=st.sampled_from(STATUSES),
    fields=st.lists(st.sampled_from(FIELDS), max_size=5),
    cuts=st.lists(st.integers(0, 60), max_size=3),
    before=st.sampled_from([b"", b"HTTP/1.1 100 Continue\r\n\r\n"]),
)
def test_as_the_standard_library_reads_it(status, fields, cuts, before):
    head = b"\r\n".join([b"HTTP/1.1 " + status, b"Content-Length: 5", *fields])
    content = before + head + b"\r\n\r\nhello"
    wanted = by_the_standard_library(content)
    answer, _ = asked(content, [min(cut, len(content)) for cut in cuts])
    assert (answer.status, answer.body) == (wanted[0], wanted[2])
    assert dict(answer.headers) == {k: v.strip() for k, v in wanted[1].items()}


@pytest.mark.parametrize("cut", range(len(PLAIN)))
def test_a_plain_answer_in_two_pieces(cut):
    answer, _ = asked(PLAIN, [cut])
    assert (answer.status, answer.body) == (200, b"hello")
    assert answer.headers == {"content-length": "5", "retry-after": "7"}


@pytest.mark.parametrize("end", [len(PLAIN) - 1, len(PLAIN) - 5])
def test_an_answer_that_ends_too_soon_is_none(end):
    with pytest.raises(http.client.IncompleteRead):
        asked(PLAIN[:end])


def test_a_head_made_once_is_the_one_the_standard_library_makes():
    _, first = asked(PLAIN)
    assert first == (
        b"POST /v2 HTTP/1.1\r\nHost: backend\r\nAccept-Encoding: identity\r\n"
        b"Content-Length: 2\r\nA: b\r\n\r\nab"
    )
    ours, theirs = socket.socketpair()
    client = WholeRequests("backend", 8000, timeout=20)
    client.sock = ours
    with ours, theirs:
        sent = []
        for body, headers in ((b"ab", {}), (b"cd", {}), (b"longer", {}), (b"cd", {"A": "b"})):
            theirs.sendall(PLAIN)
            client.ask("POST", "/v2", body, headers)
            sent.append(theirs.recv(1 << 16))
    assert sent[0].replace(b"ab", b"cd") == sent[1]
    assert b"Content-Length: 6\r\n" in sent[2]
    assert b"A: b\r\n" in sent[3]
    assert all(b"Host: backend:8000\r\n" in each for each in sent)


@pytest.mark.parametrize("name", ["A\r\nB", "A: b"])
def test_a_header_that_would_be_two_is_refused(name):
    ours, theirs = socket.socketpair()
    client = WholeRequests("backend", 80)
    client.sock = ours
    with ours, theirs, pytest.raises(ValueError, match="Invalid header"):
        client.ask("POST", "/v2", b"", {name: "x"})
