"""A repository of tiny real ONNX models, and an application over it."""

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from obfnet.serving import Settings, create_app


def save_model(path, nodes, inputs, outputs, constants=()):
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(*tensor) for tensor in inputs],
        [helper.make_tensor_value_info(*tensor) for tensor in outputs],
        [numpy_helper.from_array(np.array(value), name) for name, value in constants],
    )
    opset = [helper.make_opsetid("", 17)]
    path.parent.mkdir(parents=True)
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)


@pytest.fixture
def save():
    """``save(path, nodes, inputs, outputs)`` writes an ONNX model."""
    return save_model


@pytest.fixture(scope="session")
def repository(tmp_path_factory) -> Path:
    """Models whose every answer is exact.

    double 1, 2, 10: y = 2 x, 4 x, 20 x, and z = -x, for x of shape (n, 4);
    free: the same for x of shape (n, length); fixed: for x of shape (1, 4);
    lookup: y = squares[i] for i from 0 to 9, fails outside; half: y = 2 x in FP16;
    kept: y = the rows of x that are positive, which looks batchable and is not.
    """
    folder = tmp_path_factory.mktemp("repository")
    fp32 = TensorProto.FLOAT

    def double(name, version, factor, shape):
        save_model(
            folder / name / version / "model.onnx",
            [helper.make_node("Mul", ["x", "c"], ["y"]), helper.make_node("Neg", ["x"], ["z"])],
            [("x", fp32, shape)],
            [("y", fp32, shape), ("z", fp32, shape)],
            [("c", np.float32(factor))],
        )

    double("double", "1", 2, ["n", 4])
    double("double", "2", 4, ["n", 4])
    double("double", "10", 20, ["n", 4])
    double("double", "draft", 0, ["n", 4])
    double("free", "1", 2, ["n", "length"])
    double("fixed", "1", 2, [1, 4])
    save_model(
        folder / "lookup" / "1" / "model.onnx",
        [helper.make_node("Gather", ["squares", "i"], ["y"])],
        [("i", TensorProto.INT64, ["n"])],
        [("y", fp32, ["n"])],
        [("squares", np.arange(10, dtype=np.float32) ** 2)],
    )
    save_model(
        folder / "half" / "1" / "model.onnx",
        [helper.make_node("Add", ["x", "x"], ["y"])],
        [("x", TensorProto.FLOAT16, ["n", 4])],
        [("y", TensorProto.FLOAT16, ["n", 4])],
    )
    save_model(
        folder / "kept" / "1" / "model.onnx",
        [
            helper.make_node("Greater", ["x", "zero"], ["positive"]),
            helper.make_node("Compress", ["x", "positive"], ["y"], axis=0),
        ],
        [("x", fp32, ["n"])],
        [("y", fp32, ["m"])],
        [("zero", np.float32(0))],
    )
    (folder / "README.md").write_text("not a model")
    return folder


@pytest.fixture(scope="session")
def app(repository):
    return create_app(Settings(repository, max_body_bytes=4096))


@asynccontextmanager
async def connect(app):
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://backend") as client:
        yield client


@pytest.fixture
def client():
    """``async with client(app) as http`` talks to an application without a socket."""
    return connect


@pytest.fixture
def ask(app):
    """``ask(method, path, **request)`` is the application's answer."""

    def ask(method, path, **request):
        async def send():
            async with connect(app) as http:
                return await http.request(method, path, **request)

        return asyncio.run(send())

    return ask
