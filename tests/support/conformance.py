"""How a server answers where servers differ: one cell for each row of a table."""

import http.client
import json
from urllib.parse import urlsplit

import numpy as np

from obfnet.wire import HEADER_LENGTH, InferRequest, RequestedOutput, Tensor, encode_request

X = np.array([[[[0.5, 0.125], [0.25, 1]]], [[[0, 0.75], [0.25, 0]]]], np.float32)
OCTETS = np.array([[1, 2, 255]], np.uint8)
INFER = "/v2/models/infnet/infer"


def ask(url, method, path, headers=None, body=None):
    """Status, headers and body of one request."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def post(url, *tensors, path=INFER, binary=True, **fields):
    fields = {"binary_output": binary} | fields
    headers, body = encode_request(InferRequest(tensors, **fields), binary=binary)
    return ask(url, "POST", path, headers, body)


#: Requests that no server may answer with 200: name of the row, path, tensors.
MISFITS = {
    "shape that does not fit": (INFER, Tensor("x", X[:, :, :1])),
    "wrong datatype": (INFER, Tensor("x", X.astype(np.float64))),
    "unknown model": ("/v2/models/nothing/infer", Tensor("x", X)),
    "unknown version": ("/v2/models/infnet/versions/3/infer", Tensor("x", X)),
    "unknown input": (INFER, Tensor("w", X)),
    "unknown output": (INFER, Tensor("x", X)),
    "index outside the model's table": ("/v2/models/lookup/infer", Tensor("x", np.array([3, 99]))),
}


def refusals(served):
    """Statuses and bodies by row, in the form that the server takes."""
    found = {}
    for row, (path, tensor) in MISFITS.items():
        outputs = (RequestedOutput("w"),) if row == "unknown output" else ()
        found[row] = post(served.url, tensor, path=path, binary=served.binary, outputs=outputs)
    garbage = {"Content-Type": "application/json"}
    found["body that is not JSON"] = ask(served.url, "POST", INFER, garbage, b"{")
    return found


def differences(served):
    """Every row of the table in docs/engines.md, as this server fills it."""
    url = served.url
    cells = {"`name` in `GET /v2`": json.loads(ask(url, "GET", "/v2")[2])["name"]}
    said = json.loads(ask(url, "GET", "/v2/models/infnet")[2])
    cells["`platform` of a model"] = said["platform"] or "empty"
    cells["`versions` of a model"] = ", ".join(said["versions"] or ()) or "none"
    cells["`GET …/versions/2`"] = status(ask(url, "GET", "/v2/models/infnet/versions/2"))
    cells["`POST …/versions/2/infer`"] = status(
        post(url, Tensor("x", X), path="/v2/models/infnet/versions/2/infer", binary=served.binary)
    )
    cells["`GET` of an unknown model"] = status(ask(url, "GET", "/v2/models/nothing"))
    cells["`GET …/ready` of an unknown model"] = status(ask(url, "GET", "/v2/models/nothing/ready"))
    cells["tensors as JSON"] = status(post(url, Tensor("x", X), binary=False))
    headers, body = encode_request(
        InferRequest((Tensor("x", X),), binary_output=False), binary=False
    )
    cells["the same without Content-Type"] = status(ask(url, "POST", INFER, {}, body))
    cells["tensors as bytes"] = status(post(url, Tensor("x", X)))
    found = post(url, Tensor("x", X), binary=served.binary, outputs=(RequestedOutput("y"),))
    cells["output by name, form from `binary_data_output`"] = form(found)
    headers, body = encode_request(InferRequest((Tensor("x", X),)))
    cells["bytes that end early"] = status(ask(url, "POST", INFER, headers, body[:-4]))
    for row, found in refusals(served).items():
        cells[row] = status(found)
    cells["gRPC"] = "yes" if served.grpc else "no"
    return cells


def status(found):
    return str(found[0])


def form(found):
    if found[0] != 200:
        return status(found)
    return "bytes" if found[1].get(HEADER_LENGTH) else "JSON"
