"""Whatever is malformed is a ProtocolError that says what is wrong, and nothing else."""

import json

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from obfnet.errors import ProtocolError
from obfnet.wire import (
    HEADER_LENGTH,
    InferRequest,
    InferResponse,
    RequestedOutput,
    Tensor,
    decode_metadata,
    decode_request,
    decode_response,
    encode_request,
    encode_response,
)

FLOATS = Tensor("x", np.array([[1.5, -2.0]], np.float32))
FLAGS = Tensor("b", np.array([True, False]))
REQUEST = InferRequest((FLOATS, FLAGS), (RequestedOutput("y", True),), "7")
HEADERS, BODY = encode_request(REQUEST)
LENGTH = int(HEADERS[HEADER_LENGTH])


def request(**changes):
    entry = {"name": "x", "shape": [2], "datatype": "FP32", "data": [1, 2]} | changes
    return {"inputs": [{key: value for key, value in entry.items() if value is not ...}]}


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ([], "expected a JSON object"),
        ({}, "'inputs' is None, expected a list"),
        ({"inputs": 3}, "'inputs' is 3, expected a list"),
        ({"inputs": []}, "empty"),
        ({"inputs": [3]}, "list of objects"),
        (request(name=...), "'name' is None, expected a non-empty string"),
        (request(name=""), "non-empty"),
        (request(datatype=...), "'datatype' is None"),
        (request(datatype="BYTES"), "'datatype' is 'BYTES', expected one of BOOL"),
        (request(datatype="FP16"), "expected binary"),
        (request(shape=...), "'shape' is None"),
        (request(shape=[-2]), r"'shape' is \[-2\], expected"),
        (request(shape=[2.0]), "shape"),
        (request(shape=[True, 2]), "shape"),
        (request(shape=[1] * 33), "at most 32"),
        (request(shape=[2**40, 2**40]), "fits in memory"),
        (request(shape=[0, 2**61, 2**61], data=[]), "fits in memory"),
        (request(shape=[3]), "lists 2 values, expected 3"),
        (request(data=...), "'data' is None"),
        (request(data=["1", 2]), "JSON str, expected values of FP32"),
        (request(data=[None, 2]), "JSON NoneType"),
        (request(data=[True, 2]), "JSON bool"),
        (request(data=[1, [2]]), "JSON list"),
        (request(data=[10**400, 2]), "range of FP32"),
        (request(data=[1e39, 2]), "range of FP32"),
        (request(data=[1.0, 2], datatype="INT8"), "JSON float"),
        (request(data=[128, 2], datatype="INT8"), "range of INT8"),
        (request(data=[-1, 2], datatype="UINT64"), "range of UINT64"),
        (request(data=[0, 1], datatype="BOOL"), "JSON int"),
        (request(shape=[2, 2], data=[[1, 2], [3]]), "nested"),
        (request(shape=[2, 2, 2], data=[[1, 2], [3, 4], [5, 6], [7, 8]]), "nested"),
        (request(parameters=3), "'parameters' is 3, expected an object"),
        (request(parameters={"binary_data_size": 8}), "both"),
        (request(data=..., parameters={"binary_data_size": 8}), "0 bytes of binary data are left"),
        (request(data=..., parameters={"binary_data_size": -8}), "binary_data_size"),
        (request(data=..., parameters={"binary_data_size": "8"}), "expected 8 for FP32"),
        (request() | {"id": 7}, "'id' is 7, expected a string"),
        (request() | {"parameters": {"binary_data_output": 1}}, "true or false"),
        (request() | {"outputs": [{"name": "y"}, {"name": "y"}]}, "'y' twice"),
        (request() | {"outputs": [{}]}, "name"),
        (
            request() | {"outputs": [{"name": "y", "parameters": {"binary_data": "no"}}]},
            "output 'y': 'binary_data' is 'no', expected true or false",
        ),
        ({"inputs": request()["inputs"] * 2}, "'x' twice"),
    ],
)
def test_fields(message, says):
    with pytest.raises(ProtocolError, match=says):
        decode_request(json.dumps(message).encode())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        "{}".encode("utf-16"),
        b"[" * 100_000,
        b"1" * 5_000,
        b'{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[NaN]}]}',
    ],
)
def test_not_json(body):
    with pytest.raises(ProtocolError, match="not JSON"):
        decode_request(body)


@pytest.mark.parametrize(
    ("body", "length", "says"),
    [
        (BODY, "-1", "expected 0 to"),
        (BODY, str(len(BODY) + 1), "expected 0 to"),
        (BODY, "9" * 5_000, "expected 0 to"),
        (BODY, "ten", "expected 0 to"),
        (BODY, "\u0661", "expected 0 to"),
        (BODY, "0", "not JSON"),
        (BODY, str(LENGTH - 1), "not JSON"),
        (BODY, str(LENGTH + 1), "not JSON"),
        (BODY, None, "not JSON"),
        (BODY[:-1], LENGTH, "1 bytes of binary data are left, expected 2"),
        (BODY + b"!", LENGTH, "1 bytes are left"),
        (BODY[:-1] + b"\x02", LENGTH, "BOOL byte above 1"),
    ],
)
def test_binary(body, length, says):
    with pytest.raises(ProtocolError, match=says):
        decode_request(body, length)


def attempt(decode, *arguments):
    try:
        return decode(*arguments)
    except ProtocolError as error:
        says = str(error)
    assert 10 < len(says) < 2_000
    return None


@settings(deadline=None, derandomize=True)
@given(st.binary(max_size=64), st.none() | st.text(max_size=4) | st.integers())
def test_random_bytes(body, length):
    for decode in (decode_request, decode_response):
        attempt(decode, body, length)
    attempt(decode_metadata, body)


@settings(deadline=None, derandomize=True)
@given(st.data())
def test_mutated_bodies(data):
    """A valid message with a stretch replaced is refused or is another valid message."""
    binary = data.draw(st.booleans())
    headers, body = encode_request(REQUEST, binary=binary)
    start = data.draw(st.integers(0, len(body)))
    end = start + data.draw(st.integers(0, 8))
    patch = data.draw(st.binary(max_size=8) | st.sampled_from([b"-1", b"[", b"null", b"1e999"]))
    mutated = body[:start] + patch + body[end:]
    found = attempt(decode_request, mutated, headers.get(HEADER_LENGTH))
    if found is not None:
        again, content = encode_request(found)
        assert attempt(decode_request, content, again[HEADER_LENGTH]) is not None


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
values = st.recursive(
    leaves | st.sampled_from(["FP32", "INT8", "BOOL", [2], [0], [2**62, 2**62]]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
KEYS = ["name", "shape", "datatype", "data", "parameters", "inputs", "outputs", "id", "versions"]


@settings(deadline=None, derandomize=True)
@given(st.sampled_from(KEYS), st.sampled_from(KEYS), values)
@example("shape", "data", [[], []])
def test_replaced_values(key, nested, value):
    """Any JSON value anywhere, by key at either level."""
    message = json.loads(encode_request(InferRequest((FLOATS,), id="7"), binary=False)[1])
    answer = json.loads(encode_response(InferResponse("m", (FLOATS,)), lambda _: False)[1])
    for fields, tensors in ((message, message["inputs"]), (answer, answer["outputs"])):
        tensors[0][nested] = value
        body = json.dumps(fields).encode()
        for decode in (decode_request, decode_response, decode_metadata):
            attempt(decode, body)
        fields[key] = value
        body = json.dumps(fields).encode()
        for decode in (decode_request, decode_response, decode_metadata):
            attempt(decode, body)
