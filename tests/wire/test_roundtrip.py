"""What is encoded decodes to the same, in JSON and in binary."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from obfnet.errors import ProtocolError
from obfnet.wire import (
    DATATYPES,
    HEADER_LENGTH,
    InferRequest,
    InferResponse,
    ModelMetadata,
    RequestedOutput,
    Tensor,
    TensorMetadata,
    decode_error,
    decode_metadata,
    decode_request,
    decode_response,
    encode_error,
    encode_metadata,
    encode_request,
    encode_response,
)


def tensors(datatypes, finite):
    """Tensors of any shape, each with its own name."""

    def of(datatype):
        floats = {"allow_nan": False, "allow_infinity": False} if finite else {}
        dtype = DATATYPES[datatype]
        elements = arrays.from_dtype(dtype, **(floats if dtype.kind == "f" else {}))
        shapes = arrays.array_shapes(min_dims=0, min_side=0, max_side=4)
        return arrays.arrays(dtype, shapes, elements=elements)

    data = st.sampled_from(datatypes).flatmap(of)
    named = st.dictionaries(st.text(min_size=1, max_size=4), data, min_size=1, max_size=3)
    return named.map(lambda found: tuple(Tensor(*item) for item in found.items()))


def assert_same(found, expected):
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert (a.name, a.datatype, a.shape) == (b.name, b.datatype, b.shape)
        assert a.data.tobytes() == b.data.tobytes()


@settings(deadline=None, derandomize=True)
@given(tensors(list(DATATYPES), finite=False), st.text(max_size=5), st.booleans())
def test_binary(inputs, identifier, binary_output):
    request = InferRequest(inputs, (RequestedOutput("y", False),), identifier, binary_output)
    headers, body = encode_request(request)
    found = decode_request(body, headers[HEADER_LENGTH])
    assert_same(found.inputs, inputs)
    assert (found.outputs, found.id, found.binary_output) == (
        request.outputs,
        identifier,
        binary_output,
    )
    response = InferResponse("m", inputs, "3", identifier)
    headers, body = encode_response(response)
    answer = decode_response(body, headers[HEADER_LENGTH])
    assert_same(answer.outputs, inputs)
    assert (answer.model_name, answer.model_version, answer.id) == ("m", "3", identifier)


@settings(deadline=None, derandomize=True)
@given(tensors([name for name in DATATYPES if name != "FP16"], finite=True))
def test_json_is_exact(inputs):
    headers, body = encode_request(InferRequest(inputs), binary=False)
    assert headers == {"Content-Type": "application/json"}
    assert_same(decode_request(body).inputs, inputs)


@settings(deadline=None, derandomize=True)
@given(arrays.arrays(np.float32, (2, 3)), arrays.arrays(np.float32, (2, 3)))
def test_requests_are_twins(one, other):
    """Values leave no trace but in their own bytes."""
    first, second = (
        encode_request(InferRequest((Tensor("x", data),), id="7")) for data in (one, other)
    )
    assert first[0] == second[0]
    assert first[1][:-24] == second[1][:-24]
    assert first[1][-24:] == one.tobytes()


def test_layout_in_memory_does_not_matter():
    data = np.arange(6, dtype=np.float32).reshape(2, 3)
    variants = [data, np.asfortranarray(data), data.astype(">f4"), np.repeat(data, 2, 1)[:, ::2]]
    assert len({encode_request(InferRequest((Tensor("x", v),)))[1] for v in variants}) == 1


def test_some_outputs_binary_others_json():
    request = InferRequest(
        (Tensor("x", np.zeros(1)),), (RequestedOutput("a", False), RequestedOutput("b"))
    )
    outputs = (Tensor("a", np.ones(2)), Tensor("b", np.ones(2, np.float16)))
    headers, body = encode_response(InferResponse("m", outputs), request.wants_binary)
    assert b'"data":[1.0,1.0]' in body
    assert_same(decode_response(body, headers[HEADER_LENGTH]).outputs, outputs)


def test_json_may_be_nested_and_null_counts_as_absent():
    body = (
        b'{"id":null,"parameters":null,"outputs":null,"inputs":[{"name":"x","shape":[2,1,2],'
        b'"datatype":"INT64","parameters":{},"data":[[[1,-9223372036854775808]],[[3,4]]]}]}'
    )
    request = decode_request(body)
    assert request.inputs[0].data.tolist() == [[[1, -(2**63)]], [[3, 4]]]
    assert (request.id, request.outputs, request.binary_output) == ("", (), False)


@pytest.mark.parametrize("data", [np.array([np.nan]), np.array([np.inf]), np.zeros(1, np.float16)])
def test_json_refuses_what_it_cannot_carry(data):
    with pytest.raises(ProtocolError, match="binary"):
        encode_request(InferRequest((Tensor("x", data),)), binary=False)


def test_encoders_refuse_what_is_no_message():
    x = Tensor("x", np.zeros(1))
    with pytest.raises(ProtocolError, match="twice"):
        encode_request(InferRequest((x, x)))
    with pytest.raises(ProtocolError, match="at least one"):
        encode_request(InferRequest(()))
    with pytest.raises(ProtocolError, match=r"complex128.*expected one of"):
        Tensor("x", np.zeros(1, complex))
    with pytest.raises(ProtocolError, match="empty name"):
        Tensor("", np.zeros(1))


def test_errors_and_metadata():
    assert decode_error(encode_error("no such model")[1]) == "no such model"
    assert decode_error(b"<html>\xff") == "<html>\ufffd"
    for body in (encode_error("a\n\x1b[2J\u202e\ud800" + "b" * 999)[1], b"a\n\x1b" + b"b" * 999):
        said = decode_error(body)
        assert said.startswith("a\ufffd\ufffd")
        assert said.isprintable()
        assert len(said) == 200
    assert decode_error(encode_error("b" * 190 + "secret" * 9)[1], "secret") == "b" * 190 + "*" * 10
    tensor = TensorMetadata("x", "FP32", (-1, 4))
    metadata = ModelMetadata("m", ("1", "2"), "onnxruntime_onnx", (tensor,), (tensor,))
    assert decode_metadata(encode_metadata(metadata)[1]) == metadata
    with pytest.raises(ProtocolError, match="lengths"):
        decode_metadata(b'{"name":"m","inputs":[{"name":"x","datatype":"FP32","shape":[-2]}]}')
    with pytest.raises(ProtocolError, match="versions"):
        decode_metadata(b'{"name":"m","versions":[1]}')
