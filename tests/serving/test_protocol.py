"""The server answers as Open Inference Protocol v2 has it, over HTTP and without a socket."""

import asyncio

import numpy as np
import pytest

from obfnet.serving import Settings, create_app
from obfnet.wire import (
    HEADER_LENGTH,
    InferRequest,
    RequestedOutput,
    Tensor,
    decode_metadata,
    decode_response,
    encode_request,
)

X = np.array([[1, -2, 0.1, 3]], np.float32)
JSON = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": X.tolist()}]}


def binary(*tensors, **fields):
    headers, body = encode_request(InferRequest(tensors, **fields))
    return {"headers": headers, "content": body}


def answer(response):
    assert response.status_code == 200, response.text
    return decode_response(response.content, response.headers.get(HEADER_LENGTH))


def refused(response, status, says):
    assert response.status_code == status, response.text
    assert set(response.json()) == {"error"}
    assert says in response.json()["error"]


def test_server(ask):
    assert ask("GET", "/v2").json()["extensions"] == [
        *("binary_tensor_data", "parameters", "schedule_policy")
    ]
    assert ask("GET", "/v2/").json() == ask("GET", "/v2").json()
    assert ask("GET", "/v2/health/live").json() == {"live": True}
    assert ask("GET", "/v2/health/ready").json() == {"ready": True}
    assert ask("GET", "/v2/models/double/ready").json() == {"name": "double", "ready": True}
    assert ask("GET", "/v2/models/double/versions/2/ready").status_code == 200


def test_metadata(ask):
    assert ask("GET", "/v2/models/double").json() == {
        "name": "double",
        "versions": ["1", "2", "10"],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}],
        "outputs": [
            {"name": "y", "datatype": "FP32", "shape": [-1, 4]},
            {"name": "z", "datatype": "FP32", "shape": [-1, 4]},
        ],
    }
    half = decode_metadata(ask("GET", "/v2/models/half/versions/1").content)
    assert half.inputs[0].datatype == "FP16"


def test_json(ask):
    response = ask("POST", "/v2/models/double/infer", json=JSON | {"id": "seven"})
    assert response.headers["content-type"] == "application/json"
    found = answer(response)
    assert (found.model_name, found.model_version, found.id) == ("double", "10", "seven")
    assert [tensor.name for tensor in found.outputs] == ["y", "z"]
    np.testing.assert_array_equal(found.outputs[0].data, X * np.float32(20))


def test_binary(ask):
    outputs = (RequestedOutput("z", binary=False), RequestedOutput("y"))
    request = binary(Tensor("x", X), outputs=outputs, id="8")
    response = ask("POST", "/v2/models/double/versions/1/infer", **request)
    assert response.headers["content-type"] == "application/octet-stream"
    found = answer(response)
    assert (found.model_version, found.id) == ("1", "8")
    assert [tensor.name for tensor in found.outputs] == ["z", "y"]
    np.testing.assert_array_equal(found.outputs[0].data, -X)
    np.testing.assert_array_equal(found.outputs[1].data, X * 2)


def test_half_goes_in_binary_only(ask):
    x = Tensor("x", X.astype(np.float16))
    found = answer(ask("POST", "/v2/models/half/infer", **binary(x)))
    np.testing.assert_array_equal(found.outputs[0].data, x.data * 2)
    request = binary(x, binary_output=False)
    refused(ask("POST", "/v2/models/half/infer", **request), 400, "FP16")


@pytest.mark.parametrize(
    ("tensors", "says"),
    [
        ([Tensor("w", X)], "got inputs ['w'], expected ['x']"),
        ([Tensor("x", X), Tensor("w", X)], "got inputs ['w', 'x']"),
        ([Tensor("x", X.astype(np.float64))], "'x' is FP64, expected FP32"),
        ([Tensor("x", X[:, :3])], "'x' has shape [1, 3], expected [-1, 4]"),
        ([Tensor("x", X[0])], "shape [4]"),
        ([Tensor("x", X * np.nan)], "NaN"),
    ],
)
def test_input_that_does_not_fit(ask, tensors, says):
    refused(ask("POST", "/v2/models/double/infer", **binary(*tensors)), 400, says)


def test_nan_is_the_models_business_if_so_set(repository, client):
    async def send():
        async with client(create_app(Settings(repository, accept_nan=True))) as http:
            return await http.post("/v2/models/double/infer", **binary(Tensor("x", X * np.nan)))

    response = asyncio.run(send())
    assert np.isnan(answer(response).outputs[0].data).all()


@pytest.mark.parametrize(
    ("method", "path", "status", "says"),
    [
        ("GET", "/v2/models/triple", 404, "no model 'triple'; there are double, fixed, free"),
        ("GET", "/v2/models/double/versions/3", 404, "no version '3'; it has 1, 2, 10"),
        ("GET", "/v2/models/double/versions/draft/ready", 404, "no version 'draft'"),
        ("GET", "/v2/models/..%2fdouble", 404, "Not Found"),
        ("POST", "/v2/models/triple/infer", 404, "no model 'triple'"),
        ("GET", "/v2/models/double/infer", 405, "Method Not Allowed"),
        ("GET", "/v1", 404, "GET /v1: Not Found"),
        ("GET", "/v2//", 404, "Not Found"),
        ("POST", "/v2/models/double/infer", 400, "not JSON"),
    ],
)
def test_request_that_does_not_fit(ask, method, path, status, says):
    refused(ask(method, path), status, says)


def test_unknown_output(ask):
    response = ask("POST", "/v2/models/double/infer", json=JSON | {"outputs": [{"name": "w"}]})
    refused(response, 400, "no outputs ['w'], it has ['y', 'z']")


def test_oversize(ask):
    path = "/v2/models/double/infer"
    refused(ask("POST", path, content=bytes(5000)), 413, "5000 bytes or more, expected at")

    async def endless():
        for _ in range(10**9):
            yield bytes(1000)

    refused(ask("POST", path, content=endless()), 413, "5000 bytes or more")


def test_compressed(ask):
    response = ask(
        "POST", "/v2/models/double/infer", json=JSON, headers={"content-encoding": "gzip"}
    )
    refused(response, 400, "compressed")


def test_model_that_raises(ask):
    request = binary(Tensor("i", np.array([3, 10])))
    refused(ask("POST", "/v2/models/lookup/infer", **request), 500, "'lookup' failed on this input")
    found = answer(ask("POST", "/v2/models/lookup/infer", **binary(Tensor("i", np.array([3, 9])))))
    assert found.outputs[0].data.tolist() == [9, 81]


def test_unforeseen_error(ask, monkeypatch):
    monkeypatch.setattr("obfnet.serving.inference.check", lambda *_: 1 / 0)
    refused(ask("POST", "/v2/models/double/infer", json=JSON), 500, "internal error")
