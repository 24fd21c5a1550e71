"""Bodies that nobody meant: refused with an error of the protocol, and nobody else notices."""

import http.client
import json
import random
import re
import threading
from urllib.parse import urlsplit

import numpy as np
import pytest

from obfnet.errors import ProtocolError
from obfnet.serving import Settings, running
from obfnet.serving.model import load_model
from obfnet.serving.validation import check
from obfnet.wire import (
    HEADER_LENGTH,
    InferRequest,
    RequestedOutput,
    Tensor,
    decode_request,
    decode_response,
    encode_request,
)

X = np.arange(8, dtype=np.float32).reshape(2, 4) + 0.5
SEEDS = [
    encode_request(InferRequest((Tensor("x", X),), outputs, "an id", flag), binary=binary)
    for outputs in ((), (RequestedOutput("y", True), RequestedOutput("z", False)))
    for flag in (True, False)
    for binary in (True, False)
]
#: What takes the place of a JSON value.
ODD = (
    *("null", "true", "-1", "0", "2.5", "1e999", "NaN", "-Infinity", '""', '"x"', "[]", "{}"),
    *("[[]]", "9" * 30, "9" * 5000, "[-1,4]", "[4611686018427387904,4]", "[2,3]", "[0,4]"),
    *('"FP16"', '"BYTES"', '"BOOL"', '"UINT8"', '"\\ud800"', "[" * 3000, '{"a":' * 50),
)
_VALUE = re.compile(rb'(?<=:)("[^"]*"|\[[^][{]*\]|-?[0-9.]+|true|false)')


def fuzzed(chance: random.Random):
    """A message that was good and a header length, changed in up to three places."""
    headers, body = chance.choice(SEEDS)
    length = headers.get(HEADER_LENGTH)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        at = chance.randrange(len(body) + 1)
        match chance.randrange(7):
            case 0:
                body = body[:at]
            case 1:
                body = body[:at] + chance.randbytes(chance.choice((1, 2, 16))) + body[at:]
            case 2 if body:
                at = min(at, len(body) - 1)
                body = body[:at] + bytes([body[at] ^ 1 << chance.randrange(8)]) + body[at + 1 :]
            case 3 if found := list(_VALUE.finditer(body)):
                value = chance.choice(found)
                odd = chance.choice(ODD).encode()
                body = body[: value.start()] + odd + body[value.end() :]
                if length and chance.random() < 0.7:  # so that it is read as JSON at all
                    length = str(int(length) + len(odd) - len(value[0]))
            case 4 if length:
                lies = ("0", "-1", "9" * 25, "²", str(len(body) + 1), str(int(length) - 1), "1e1")
                return body, chance.choice(lies)
            case 5:
                length = str(at) if chance.random() < 0.5 else None
                break
            case 6:
                body = body[:at] + body[at + chance.choice((1, 4, 20)) :]
    return body, length


@pytest.fixture(scope="module")
def model(repository):
    return load_model(repository / "double" / "1" / "model.onnx", "double", 1, 1)


def read(body, length, model):
    """The request, if it is one that ``model`` takes."""
    try:
        asked = decode_request(body, length)
        check(asked, model, accept_nan=False)
    except ProtocolError:
        return None
    return asked


def test_a_hundred_thousand_bodies(model):
    chance = random.Random(0)
    taken = 0
    for _ in range(100_000):
        asked = read(*fuzzed(chance), model)
        if asked is not None:
            taken += 1
            (tensor,) = asked.inputs
            assert (tensor.name, tensor.datatype, tensor.shape[1:]) == ("x", "FP32", (4,))
            assert {each.name for each in asked.outputs} <= {"y", "z"}
    assert 5_000 < taken < 40_000  # harmless changes, of an id or a value


def test_over_a_socket_beside_a_neighbour(repository, model):
    """Three thousand bodies by one connection, while another asks well and is answered right."""
    chance = random.Random(1)
    done, wrong, answered = threading.Event(), [], []

    def neighbour():
        headers, body = SEEDS[0]
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
        while not done.is_set():
            connection.request("POST", "/v2/models/double/versions/1/infer", body, headers)
            response = connection.getresponse()
            content, length = response.read(), response.headers.get(HEADER_LENGTH)
            found = decode_response(content, length)
            answered.append(found.id)
            if not np.array_equal(found.outputs[0].data, X * 2):
                wrong.append(found)
        connection.close()

    with running(Settings(repository, port=0)) as url:
        parts = urlsplit(url)
        thread = threading.Thread(target=neighbour)
        thread.start()
        statuses = set()
        try:
            connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
            for _ in range(3000):
                body, length = fuzzed(chance)
                if length is not None and not length.isascii():
                    length = "two"
                headers = {} if length is None else {HEADER_LENGTH: length}
                connection.request("POST", "/v2/models/double/versions/1/infer", body, headers)
                response = connection.getresponse()
                content = response.read()
                statuses.add(response.status)
                asked = read(body, length, model)
                if response.status == 200:
                    answer = decode_response(content, response.headers.get(HEADER_LENGTH))
                    assert asked is not None
                    assert answer.id == asked.id
                    y = next((each.data for each in answer.outputs if each.name == "y"), None)
                    with np.errstate(over="ignore"):
                        assert y is None or np.array_equal(y, asked.inputs[0].data * 2)
                else:
                    assert set(json.loads(content)) == {"error"}
            connection.close()
        finally:
            done.set()
            thread.join()
    assert statuses <= {200, 400, 413}
    assert {200, 400} <= statuses
    assert not wrong
    assert len(answered) > 100
