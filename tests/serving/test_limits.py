"""Time and size: who is slow or large is told so, and nobody else notices."""

import asyncio
import json
import shutil
import socket
import threading
import time
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest

from obfnet.errors import ProtocolError
from obfnet.serving import Settings, create_app, running
from obfnet.serving.model import OnnxModel
from obfnet.wire import (
    HEADER_LENGTH,
    InferRequest,
    Tensor,
    decode_request,
    decode_response,
    encode_request,
)

X = np.ones((1, 4), np.float32)
JSON = encode_request(InferRequest((Tensor("x", X),)), binary=False)[1].replace(
    b'"parameters":{"binary_data_output":true},', b""
)
PATH = "/v2/models/double/infer"


def post(http, **fields):
    headers, body = encode_request(InferRequest((Tensor("x", X),), **fields))
    return http.post(PATH, headers=headers, content=body)


@pytest.fixture
def stuck(monkeypatch):
    """Models that answer once the gate opens."""
    gate = threading.Event()
    run = OnnxModel.run
    monkeypatch.setattr(OnnxModel, "run", lambda self, *given: gate.wait(10) and run(self, *given))
    yield gate
    gate.set()


def both(client, app, gate, *requests):
    """Answers to requests of which the first is never served before the gate opens."""

    async def send():
        async with client(app) as http:
            first = [asyncio.create_task(post(http, **fields)) for fields in requests]
            await asyncio.wait(first, timeout=5, return_when=asyncio.FIRST_COMPLETED)
            gate.set()
            return await asyncio.gather(*first)

    return asyncio.run(send())


def test_deadline_of_the_server(repository, client, stuck):
    app = create_app(Settings(repository, timeout=0.05))
    (late,) = both(client, app, stuck, {})
    assert late.status_code == 504
    assert "within the 0.05 s" in late.json()["error"]


def test_deadline_of_one_request(repository, client, stuck):
    app = create_app(Settings(repository))
    patient = {"parameters": {"timeout": 10**9}}
    hasty = {"parameters": {"timeout": 50_000}}
    found = both(client, app, stuck, patient, hasty, {"parameters": {"timeout": 0}})
    assert [each.status_code for each in found] == [200, 504, 200]


def test_deadline_beyond_any_clock(ask):
    request = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": X.tolist()}]}
    response = ask("POST", PATH, json=request | {"parameters": {"timeout": 10**400}})
    assert response.status_code == 200


@pytest.mark.parametrize("timeout", [-1, 0.5, "1", True])
def test_deadline_that_is_none(ask, timeout):
    request = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": X.tolist()}]}
    response = ask("POST", PATH, json=request | {"parameters": {"timeout": timeout}})
    assert response.status_code == 400
    assert "microseconds" in response.json()["error"]


def test_parameters_come_back(ask):
    told = {"who": "me", "n": 3, "share": 0.5, "flag": False}
    headers, body = encode_request(InferRequest((Tensor("x", X),), parameters=told))
    response = ask("POST", PATH, headers=headers, content=body)
    assert decode_response(response.content, response.headers[HEADER_LENGTH]).parameters == told


@pytest.mark.parametrize("value", ["[1]", "{}", "1e999", "-1e999"])
def test_parameters_that_are_none(value):
    with pytest.raises(ProtocolError, match="a text, a finite number or a flag"):
        decode_request(b'{"parameters":{"a":%s},%s' % (value.encode(), JSON[1:]))


def test_json_has_a_limit_of_its_own(repository, client):
    app = create_app(Settings(repository, max_json_bytes=300))
    rows = np.ones((100, 4), np.float32)
    headers, binary = encode_request(InferRequest((Tensor("x", rows),)))
    as_json = encode_request(InferRequest((Tensor("x", rows),)), binary=False)[1]

    async def send():
        async with client(app) as http:
            yes = await http.post(PATH, headers=headers, content=binary)
            no = await http.post(PATH, content=as_json)
            return yes, no, await http.post(PATH, headers={HEADER_LENGTH: "9" * 5000}, content=b"")

    yes, no, lie = asyncio.run(send())
    assert [yes.status_code, no.status_code, lie.status_code] == [200, 413, 413]
    assert "the JSON is" in no.json()["error"]


@pytest.fixture(scope="module")
def server(repository, tmp_path_factory):
    """URL and folder of a server that is quick to look and to lose patience."""
    folder = tmp_path_factory.mktemp("changing")
    shutil.copytree(repository / "double" / "1", folder / "double" / "1")
    with running(Settings(folder, port=0, poll=0.02, timeout=0.4)) as url:
        yield url, folder


def exchange(url, content, wait=0.0):
    """What comes back for raw bytes, until the server closes or falls silent."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=3) as connection:
        for piece in content:
            connection.sendall(piece)
            time.sleep(wait)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(1 << 16):
            answer += piece
        return answer


def test_slow_body(server):
    url, _ = server
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
        connection.sendall(
            b"POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{" % PATH.encode()
        )
        answer = b""
        while b"}" not in answer and (piece := connection.recv(1 << 16)):
            answer += piece  # comes though the body never does
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"did not come whole in 0.4 s" in answer


@pytest.mark.parametrize(
    "content",
    [
        b"nonsense\r\n\r\n",
        b"GET /v2\xff HTTP/1.1\r\n\r\n",
        b"GET /v2 HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST /v2 HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET /v2 HTTP/1.1\r\nX: " + b"y" * 66_000,
        b"GET /" + b"y" * 66_000,
    ],
    ids=["nonsense", "path", "length", "two lengths", "long header", "long path"],
)
def test_what_is_no_http(server, content):
    answer = exchange(server[0], [content])
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 "), answer[:200]
    assert set(json.loads(body)) == {"error"}


def test_a_long_head_after_a_refused_body(server):
    """The body of what was refused comes late; the head after it has the same limit."""
    refused = b"POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"
    head = b"GET /v2 HTTP/1.1\r\nX: " + b"y" * 66_000
    answers = exchange(server[0], [refused, b"{", head[:100], head[100:]], wait=0.05)
    assert answers.count(b"HTTP/1.1 404 ") == 1
    assert b"HTTP/1.1 400 " in answers
    assert b"The head exceeds" in answers


def test_long_trailers(server):
    head = b"POST /v2/models/double/infer HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = exchange(server[0], [head, b"1\r\n{\r\n", b"0\r\nX: " + b"y" * 66_000], wait=0.05)
    assert b"The head exceeds" in answer


def test_half_a_request_harms_nobody(server):
    url, _ = server
    _, body = encode_request(InferRequest((Tensor("x", X),)))
    head = f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    for cut in (10, len(head), len(head) + 5):
        parts = urlsplit(url)
        with socket.create_connection((parts.hostname, parts.port)) as connection:
            connection.sendall((head + body)[:cut])
    with httpx.Client(base_url=url) as http:
        assert post(http).status_code == 200


def test_versions_change_under_load(server, repository):
    """Not one request fails while versions come, are spoilt and go, and each is of one version."""
    url, folder = server
    done, found = threading.Event(), []

    def load():
        with httpx.Client(base_url=url) as http:
            while not done.is_set():
                response = post(http)
                answer = decode_response(response.content, response.headers.get(HEADER_LENGTH))
                found.append((answer.model_version, answer.outputs[0].data[0, 0]))

    def wait_for(version):
        deadline = time.monotonic() + 20
        while found[-1][0] != version and time.monotonic() < deadline:
            time.sleep(0.01)
        assert found[-1][0] == version

    thread = threading.Thread(target=load)
    thread.start()
    try:
        while not found:
            time.sleep(0.01)
        shutil.copytree(repository / "double" / "2", folder / "double" / "2")
        wait_for("2")
        (folder / "double" / "2" / "model.onnx").write_bytes(b"garbage")
        (folder / "double" / "3").mkdir()
        (folder / "double" / "3" / "model.onnx").write_bytes(b"garbage")
        while "refused" not in (told := httpx.get(f"{url}/v2/models/double").json()):
            time.sleep(0.01)
        assert "still served" in next(iter(told["refused"].values()))
        assert 'serving_refused{model="double"' in httpx.get(f"{url}/metrics").text
        assert found[-1] == ("2", 4)
        shutil.copytree(repository / "double" / "10", folder / "double" / "10")
        wait_for("10")
        shutil.rmtree(folder / "double" / "10")
        wait_for("2")
    finally:
        done.set()
        thread.join()
    assert set(found) == {("1", 2), ("2", 4), ("10", 20)}
