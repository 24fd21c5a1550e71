"""One suite for our own server and the engines: same labels, same errors, same metadata.

Where they differ, the table of docs/engines.md says so, and is held to it.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from conformance import X, ask, differences, post, refusals
from obfnet.edge.client import EdgeClient
from obfnet.edge.policy import always, never
from obfnet.errors import BackendRefusedError, ProtocolError
from obfnet.wire import HEADER_LENGTH, Tensor, TensorMetadata, decode_metadata, decode_response

#: The first run installs the engines.
pytestmark = pytest.mark.timeout(1800)
PAGE = Path(__file__).parents[2] / "docs" / "engines.md"
SAMPLES = np.random.default_rng(0).random((17, 1, 2, 2), dtype=np.float32)
LABELS = SAMPLES.reshape(-1, 4)[:, :3].argmax(1).tolist()
#: What tritonclient calls an error that is the client's own.
CLIENTS_FAULT = ("400", "404", "422", "INVALID_ARGUMENT", "NOT_FOUND")


def documented(server):
    """The column of ``server`` in the table of the page, by row."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    head = next(index for index, row in enumerate(cells) if row[1:2] == ["embedded"])
    column = cells[head].index(server)
    return {row[0]: row[column] for row in cells[head + 2 :] if len(row) == len(cells[head])}


def tensor(values, datatype="FP32", dtype="float32"):
    array = np.asarray(values, dtype)
    return {"x": [datatype, dtype, list(array.shape), array.ravel().tolist()]}


def forms(served):
    return ["json", *["binary"] * served.binary, *["grpc"] * bool(served.grpc)]


def test_differences_are_those_of_the_page(served):
    assert differences(served) == documented(served.name)


def test_refusals_have_an_error(served):
    for row, (status, _, body) in refusals(served).items():
        assert 400 <= status < 600, row
        if status < 500 and row != "body that is not JSON":  # FastAPI's own 422 says "detail"
            assert json.loads(body)["error"], row
    shape = refusals(served)["shape that does not fit"][2].decode()
    assert "2, 1, 1, 2" in shape.replace(",", ", ").replace("  ", " ")


def test_metadata_is_that_of_the_file(served):
    found = decode_metadata(ask(served.url, "GET", "/v2/models/infnet")[2])
    assert found.name == "infnet"
    assert found.inputs == (TensorMetadata("x", "FP32", (-1, 1, 2, 2)),)
    assert found.outputs == (TensorMetadata("y", "FP32", (-1, 3)),)
    found = decode_metadata(ask(served.url, "GET", "/v2/models/one")[2])
    assert found.inputs == (TensorMetadata("x", "FP32", (1, 1, 2, 2)),)
    found = decode_metadata(ask(served.url, "GET", "/v2/models/lookup")[2])
    assert found.inputs == (TensorMetadata("x", "INT64", (-1,)),)


def test_health(served):
    for path in ("/v2/health/live", "/v2/health/ready", "/v2/models/infnet/ready"):
        assert ask(served.url, "GET", path)[0] == 200


def test_tritonclient(served):
    wide = np.concatenate([X] * 9)[:17]
    right = [
        ("infnet", tensor(X), {"identifier": "seven"}, X.reshape(2, 4)[:, :3] * 10),
        ("infnet", tensor(wide), {}, wide.reshape(17, 4)[:, :3] * 10),
        ("one", tensor(X[:1]), {}, X[:1].reshape(1, 4)[:, :3]),
        ("lookup", tensor([3, 9], "INT64", "int64"), {}, np.float32([9, 81])),
        ("bytes", tensor([[1, 2, 255]], "UINT8", "uint8"), {}, np.uint8([[1, 2, 255]])),
    ]
    wrong = [
        {"model": "infnet", "inputs": tensor(X[:, :, :1])},
        {"model": "infnet", "inputs": tensor(X, "FP64", "float64")},
        {"model": "nothing", "inputs": tensor(X)},
        {"model": "infnet", "inputs": tensor(X), "outputs": ["w"]},
    ]
    versions = [(1, 1), (2, 2), (10, 10)] if served.name != "kserve" else []
    cases, checks = [], []
    for via in forms(served):
        for model, inputs, more, expected in right:
            cases.append({"via": via, "model": model, "inputs": inputs, "outputs": ["y"], **more})
            checks.append(answers(expected, more.get("identifier")))
        for version, factor in versions:
            asked = {"version": str(version), "outputs": ["y"]}
            cases.append({"via": via, "model": "infnet", "inputs": tensor(X), **asked})
            checks.append(answers(X.reshape(2, 4)[:, :3] * factor))
        for case in wrong:
            cases.append({"via": via, "outputs": ["y"], **case})
            checks.append(is_the_clients_fault)
        cases.append({"via": via, "ask": "metadata", "model": "infnet"})
        checks.append(describes_the_infnet)
    for case, check, found in zip(cases, checks, served.tritonclient(*cases), strict=True):
        check(found, (served.name, case))


def answers(expected, identifier=None):
    def check(found, case):
        assert "outputs" in found, (case, found)
        dtype, shape, values = found["outputs"]["y"]
        assert (dtype, shape) == (str(expected.dtype), list(expected.shape)), case
        np.testing.assert_array_equal(np.array(values, dtype), expected.ravel())
        assert identifier in (None, found["id"]), case

    return check


def is_the_clients_fault(found, case):
    assert found.get("status") in CLIENTS_FAULT, (case, found)


def describes_the_infnet(found, case):
    assert found["name"] == "infnet"
    assert found["inputs"] == [["x", "FP32", [-1, 1, 2, 2]]], case
    assert found["outputs"] == [["y", "FP32", [-1, 3]]], case


def test_everyone_gets_their_own_rows(served):
    """Many at once, of several sizes and some of them bad, whom an engine may join in one run."""

    def one(number):
        rows = 1 + number % 3
        x = (np.arange(rows)[:, None] + number) % 9  # 9 is in the table, 10 is not
        bad = number % 7 == 0
        x[-1] += bad * 50
        tensor = Tensor("x", x)
        path = "/v2/models/table/infer"
        status, headers, body = post(
            served.url, tensor, path=path, binary=served.binary, id=str(number)
        )
        if bad:
            assert status == 500
            return
        assert status == 200, body
        found = decode_response(body, headers.get(HEADER_LENGTH))
        assert found.id == str(number)
        np.testing.assert_array_equal(found.outputs[0].data, x.astype(np.float32) ** 2)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(one, range(300)))
    if served.name == "triton":
        stats = json.loads(ask(served.url, "GET", "/v2/models/table/stats")[2])["model_stats"][0]
        assert stats["execution_count"] < 300  # it did join some


@pytest.mark.parametrize("policy", [always, never])
def test_edge_client(served, bundle, policy):
    with EdgeClient(bundle, served.url, policy=policy) as client:
        assert client.connect().binary is served.binary
        assert [client.infer(sample) for sample in SAMPLES] == LABELS
        assert client.infer_batch(SAMPLES).tolist() == LABELS


def test_edge_client_is_told_what_does_not_fit(served, bundle):
    with EdgeClient(bundle, served.url, model="one") as client:
        assert client.infer(SAMPLES[0]) == LABELS[0]
        with pytest.raises(ProtocolError, match="takes 1 samples at once"):
            client.infer_batch(SAMPLES)
    for model, error in (
        ("nothing", BackendRefusedError),
        ("bytes", ProtocolError),
        ("lookup", ProtocolError),
    ):
        with EdgeClient(bundle, served.url, model=model) as client, pytest.raises(error):
            client.infer(SAMPLES[0])
