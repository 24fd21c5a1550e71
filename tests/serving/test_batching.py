"""However requests meet in the queue, everyone gets exactly its own rows."""

import asyncio
import threading
from dataclasses import replace

import numpy as np
import pytest
from httpx import ASGITransport, AsyncClient
from hypothesis import given, settings
from hypothesis import strategies as st

from obfnet.errors import ModelFailedError, QueueFullError
from obfnet.serving import Settings, create_app
from obfnet.serving.batching import Batcher
from obfnet.serving.model import OnnxModel, load_model
from obfnet.wire import HEADER_LENGTH, InferRequest, Tensor, decode_response, encode_request


class Gate:
    """A session whose first run waits until the gate opens; notes the rows of every run."""

    def __init__(self, session):
        self.session, self.open, self.rows = session, threading.Event(), []

    def run(self, outputs, inputs):
        self.rows.append(len(next(iter(inputs.values()))))
        assert self.open.wait(10)
        return self.session.run(outputs, inputs)


@pytest.fixture
def gated(repository):
    """The model of a name behind a gate, and the gate."""

    def gated(name):
        model = load_model(repository / name / "1" / "model.onnx", name, 1)
        gate = Gate(model.session)
        return replace(model, session=gate), gate

    return gated


def together(model, gate, arrays, max_batch=64, max_queue=64, outputs=("y",)):
    """Answers or errors for ``arrays``, all but the first of which arrive while it runs."""

    async def ask():
        batcher = Batcher(model, max_batch, max_queue)
        name = model.inputs[0].name
        first = asyncio.create_task(batcher.infer({name: arrays[0]}, outputs))
        while not gate.rows:
            await asyncio.sleep(0.001)
        others = [batcher.infer({name: array}, outputs) for array in arrays[1:]]
        waiting = asyncio.gather(first, *others, return_exceptions=True)
        await asyncio.sleep(0.001)
        gate.open.set()
        try:
            return await waiting
        finally:
            batcher.close()

    return asyncio.run(ask())


def rows(count, length=4, start=0):
    return np.arange(start, start + count * length, dtype=np.float32).reshape(count, length)


def test_what_waits_runs_together(gated):
    model, gate = gated("double")
    arrays = [rows(n, start=100 * n) for n in (1, 2, 3, 4, 1)]
    answers = together(model, gate, arrays, max_batch=6)
    assert gate.rows == [1, 6, 4]  # 2 + 3 + 1 fit in a batch of six, four more do not
    for array, (y,) in zip(arrays, answers, strict=True):
        np.testing.assert_array_equal(y, array * 2)


def test_only_equal_shapes_run_together(gated):
    model, gate = gated("free")
    arrays = [rows(1), rows(1, 2), rows(1, 3), rows(2, 2), rows(0, 3)]
    answers = together(model, gate, arrays)
    assert gate.rows == [1, 3, 1]
    for array, (y,) in zip(arrays, answers, strict=True):
        np.testing.assert_array_equal(y, array * 2)


def test_more_rows_than_a_batch_run_alone(gated):
    model, gate = gated("double")
    together(model, gate, [rows(1), rows(9), rows(1)], max_batch=4)
    assert gate.rows == [1, 9, 1]


@pytest.mark.parametrize(("name", "max_batch"), [("fixed", 64), ("double", 1)])
def test_no_batching(gated, name, max_batch):
    model, gate = gated(name)
    together(model, gate, [rows(1), rows(1), rows(1)], max_batch)
    assert gate.rows == [1, 1, 1]


def test_bad_request_among_good_neighbours(gated):
    model, gate = gated("lookup")
    arrays = [np.array(indices) for indices in ([1], [2], [3, 99], [4, 5])]
    first, second, bad, last = together(model, gate, arrays)
    assert isinstance(bad, ModelFailedError)
    assert [y.tolist() for (y,) in (first, second, last)] == [[1], [4], [16, 25]]


def test_model_that_drops_rows_is_run_alone(gated):
    model, gate = gated("kept")
    arrays = [np.array(values, np.float32) for values in ([1], [2, -2], [3], [-4])]
    answers = together(model, gate, arrays)
    assert [y.tolist() for (y,) in answers] == [[1], [2], [3], []]


def test_full_queue_refuses_and_recovers(gated):
    model, gate = gated("double")
    *answers, refused = together(model, gate, [rows(1)] * 4, max_queue=2)
    assert isinstance(refused, QueueFullError)
    assert [y.shape for (y,) in answers] == [(1, 4)] * 3


def test_client_that_leaves_is_not_served(gated):
    model, gate = gated("double")

    async def ask():
        batcher = Batcher(model, 64, 64)
        tasks = [asyncio.create_task(batcher.infer({"x": rows(n)}, ("y",))) for n in (1, 2)]
        while not gate.rows:
            await asyncio.sleep(0.001)
        late = asyncio.create_task(batcher.infer({"x": rows(7)}, ("y",)))
        await asyncio.sleep(0)
        late.cancel()
        tasks[0].cancel()
        gate.open.set()
        last = await batcher.infer({"x": rows(4)}, ("y",))
        batcher.close()
        return (await tasks[1]), last

    (kept,), (last,) = asyncio.run(ask())
    assert kept.shape == (2, 4)
    assert last.shape == (4, 4)
    assert gate.rows == [3, 4]  # the first two together, never the seven of who left


@pytest.fixture(scope="module")
def small_batches(repository):
    return create_app(Settings(repository, max_batch=5))


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    shapes=st.lists(st.tuples(st.integers(0, 6), st.integers(1, 3)), min_size=1, max_size=24),
    bad=st.sets(st.integers(0, 23)),
)
def test_concurrent_requests_of_mixed_shapes(small_batches, shapes, bad):
    """Through HTTP: own rows, own id, and errors only for whoever caused them."""

    async def send(http, number, shape):
        x = np.full(shape, number, np.float32) + np.arange(np.prod(shape)).reshape(shape) / 64
        name = "w" if number in bad else "x"
        request = InferRequest((Tensor(name, x.astype(np.float32)),), id=f"request {number}")
        headers, body = encode_request(request)
        response = await http.post("/v2/models/free/infer", headers=headers, content=body)
        if number in bad:
            assert response.status_code == 400
            return
        found = decode_response(response.content, response.headers[HEADER_LENGTH])
        assert found.id == request.id
        np.testing.assert_array_equal(found.outputs[0].data, request.inputs[0].data * 2)
        np.testing.assert_array_equal(found.outputs[1].data, -request.inputs[0].data)

    async def everyone():
        transport = ASGITransport(small_batches)
        async with AsyncClient(transport=transport, base_url="http://backend") as http:
            await asyncio.gather(*(send(http, *item) for item in enumerate(shapes)))

    asyncio.run(everyone())


def test_full_queue_over_http(repository, client, monkeypatch):
    gate = threading.Event()
    monkeypatch.setattr(OnnxModel, "run", lambda self, inputs, outputs: gate.wait(10) and [rows(1)])
    headers, body = encode_request(InferRequest((Tensor("x", rows(1)),)))

    async def send():
        async with client(create_app(Settings(repository, max_queue=1, retry_after=3))) as http:
            tasks = []
            for _ in range(3):
                post = http.post("/v2/models/fixed/infer", headers=headers, content=body)
                tasks.append(asyncio.create_task(post))
                await asyncio.sleep(0.05)  # one runs, the next waits, the third finds it full
            gate.set()
            return await asyncio.gather(*tasks)

    *_, refused = asyncio.run(send())
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "3"
    assert "1 requests wait" in refused.json()["error"]
