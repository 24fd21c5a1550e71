"""A real backend, a relay that keeps what a device sends to it, one that misbehaves, and bundles.

The InfNet takes samples of four values and its label is the greatest of the first three, so
every answer is exact.
"""

import io
import re
import selectors
import socket
import threading
import time
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from obfnet.bundling.archive import write
from obfnet.bundling.manifest import Entry, Manifest
from obfnet.edge.client import EdgeClient
from obfnet.edge.transport import Limits
from obfnet.serving import Settings, running
from obfnet.specs import SampleSpec
from obfnet.wire import (
    InferResponse,
    ModelMetadata,
    Tensor,
    TensorMetadata,
    encode_metadata,
    encode_response,
)

SPEC = SampleSpec((1, 2, 2), 0.0, 1.0)
SAMPLE = ["n", 1, 2, 2]
FP32 = TensorProto.FLOAT
QUICK = Limits(timeout=10, attempts=3, backoff=0.001)
FIRST_THREE = np.eye(4, 3, dtype=np.float32)


def onnx_net(nodes, accepts=SAMPLE, gives=("n", 3), kind=FP32, **constants) -> bytes:
    """An ONNX model from ``x`` to ``y``; each node is operator, inputs, output."""
    graph = helper.make_graph(
        [helper.make_node(operator, given, [output]) for operator, given, output in nodes],
        "graph",
        [helper.make_tensor_value_info("x", kind, accepts)],
        [helper.make_tensor_value_info("y", FP32, list(gives))],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8).SerializeToString()


def scores(*more, weights=FIRST_THREE, accepts=SAMPLE, gives=("n", 3), **constants) -> bytes:
    """The flat sample times ``weights`` as ``s``, then ``more`` nodes that end in ``y``."""
    nodes = [("Flatten", ["x"], "flat"), ("MatMul", ["flat", "w"], "s")]
    more = more or [("Identity", ["s"], "y")]
    return onnx_net([*nodes, *more], accepts, gives, w=weights, **constants)


def npy(rows, **options) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, rows, **options)
    return buffer.getvalue()


def rows_of(number: int):
    """A codebook's table: row k is recognised as class k; the last value tells which table."""
    rows = np.full((3, 1, 1, 2, 2), 0.125, np.float32)
    for label in range(3):
        rows[label].flat[label] = 0.75
        rows[label].flat[3] = number / 8
    return rows


ENCODER = scores()
FLAT = onnx_net([("Flatten", ["x"], "y")], gives=("n", 4))
HALVED = onnx_net(
    [("Mul", ["x", "half"], "h"), ("Reshape", ["h", "shape"], "y")],
    accepts=["n", 4],
    gives=SAMPLE,
    half=np.float32(0.5),
    shape=np.array([-1, 1, 2, 2]),
)


def make_bundle(*obfnets, spec=SPEC, arguments=None):
    """A bundle of ``(mechanism, encoder, decoder)``; a decoder that is no ONNX is a table."""
    members, entries = {}, []
    for number, (mechanism, encoder, decoder) in enumerate(obfnets):
        suffix = "npy" if decoder.startswith((b"\x93NUMPY", b"PK")) else "onnx"
        names = f"{number}/encoder.onnx", f"{number}/decoder.{suffix}"
        members.update(zip(names, (encoder, decoder), strict=True))
        usual = {"codes": 3} if mechanism == "codebook" else {}
        entries.append(Entry(mechanism, arguments or usual, *names, {}, 0, 0, 1.0, 0, 0.0))
    return write(Manifest("d" * 64, spec, "device-0", tuple(entries), {}, {}), members)


def codebooks(count: int):
    return make_bundle(*(("codebook", ENCODER, npy(rows_of(number))) for number in range(count)))


@pytest.fixture(scope="session")
def make():
    """What tests make nets, tables and bundles with."""

    class Make:
        bundle = staticmethod(make_bundle)
        scores = staticmethod(scores)
        net = staticmethod(onnx_net)
        npy = staticmethod(npy)
        rows = staticmethod(rows_of)
        spec, encoder, flat, halved = SPEC, ENCODER, FLAT, HALVED

    return Make


@pytest.fixture(scope="session")
def codebook():
    """A device's set of one codebook ObfNet."""
    return codebooks(1)


@pytest.fixture(scope="session")
def four_codebooks():
    return codebooks(4)


@pytest.fixture(scope="session")
def published():
    """A ``none`` bundle: x' is half of x."""
    return make_bundle(("none", FLAT, HALVED))


@pytest.fixture(scope="session")
def samples():
    """Samples of all classes; no two values alike, so that raw bytes can be searched for."""
    return np.random.default_rng(0).random((30, 1, 2, 2), dtype=np.float32)


@pytest.fixture(scope="session")
def labels(samples):
    return samples.reshape(-1, 4)[:, :3].argmax(1)


MODELS = {
    "infnet": scores(),
    "in fnet 100%": scores(),
    "one": scores(accepts=[1, 1, 2, 2], gives=(1, 3)),
    "wide": scores(accepts=["n", 1, 3, 3], weights=np.ones((9, 3), np.float32)),
    "flat": onnx_net([("Identity", ["x"], "y")], ["n", 4], ["n", 4]),
    "double": onnx_net([("CastLike", ["x", "f"], "y")], SAMPLE, SAMPLE, 11, f=np.float32(0)),
    "nan": scores(
        ("Sub", ["s", "s"], "0"), ("Div", ["0", "zero"], "y"), zero=np.zeros(1, np.float32)
    ),
    "vector": scores(("Reshape", ["s", "to"], "y"), gives=["m"], to=np.array([-1])),
    "column": scores(("Reshape", ["s", "to"], "y"), gives=["m", 1], to=np.array([-1, 1])),
    "cube": onnx_net([("Identity", ["x"], "y")], SAMPLE, SAMPLE),
}


@pytest.fixture(scope="session")
def backend(tmp_path_factory):
    """URL of a real backend process with the InfNet and models that do not fit it."""
    folder = tmp_path_factory.mktemp("models")
    for name, content in MODELS.items():
        path = folder / name / "1" / "model.onnx"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    with running(Settings(folder, port=0)) as url:
        yield url


@pytest.fixture
def connect():
    """``connect(bundle, url, ...)`` is a client that is closed after the test."""
    with ExitStack() as stack:

        def connect(bundle, url, limits=QUICK, **options):
            return stack.enter_context(EdgeClient(bundle, url, limits=limits, **options))

        yield connect


class Listener:
    """Accepts connections and keeps every byte that comes."""

    def __init__(self):
        self.connections, self.received = 0, b""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]
        self._open = set()
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self):
        self._threads[0].start()
        return self

    def __exit__(self, *_):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()
        self._socket.close()

    @property
    def requests(self) -> list[bytes]:
        """The whole requests that came."""
        found, rest = [], self.received
        while rest:
            head, _, _ = rest.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: *(\d+)\r\n", head + b"\r\n")
            size = len(head) + 4 + (int(length[1]) if length else 0)
            if len(rest) < size:
                break
            found.append(rest[:size])
            rest = rest[size:]
        return found

    @property
    def posts(self) -> list[bytes]:
        return [request for request in self.requests if request.startswith(b"POST ")]

    def wait_until_closed(self):
        while self._open:
            time.sleep(0.002)

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(connection)
            self._threads.append(threading.Thread(target=self._serve, args=[connection]))
            self._threads[-1].start()

    def _serve(self, connection):
        with connection, suppress(OSError):
            self.serve(connection)
        self._open.discard(connection)

    def serve(self, connection):
        raise NotImplementedError


class Relay(Listener):
    """Stands before a real backend and hands everything on as it is."""

    def __init__(self, url):
        super().__init__()
        self._backend = urlsplit(url)

    def serve(self, connection):
        address = self._backend.hostname, self._backend.port
        with socket.create_connection(address) as onward, selectors.DefaultSelector() as selector:
            for end in (connection, onward):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(connection, selectors.EVENT_READ, onward)
            selector.register(onward, selectors.EVENT_READ, connection)
            while True:
                for key, _ in selector.select():
                    content = key.fileobj.recv(1 << 16)
                    if not content:
                        return
                    if key.fileobj is connection:
                        self.received += content
                    key.data.sendall(content)


class Scripted(Listener):
    """A backend that misbehaves as it is told.

    ``answers`` to POST come first to last, then good ones; None closes the connection instead,
    as ``deaf`` does with every connection and ``hangs_up`` after every answer.
    """

    deaf = hangs_up = False

    def __init__(self):
        super().__init__()
        tensors = (TensorMetadata("x", "FP32", (-1, 1, 2, 2)),), (TensorMetadata("y", "FP32", ()),)
        self.metadata = http_answer(*encode_metadata(ModelMetadata("infnet", (), "", *tensors)))
        self.answers: list[bytes | None] = []

    def serve(self, connection):
        while not self.deaf:
            count = len(self.requests)
            while len(self.requests) == count:
                content = connection.recv(1 << 16)
                if not content:
                    return
                self.received += content
            answer = self.metadata if self.requests[-1].startswith(b"GET ") else self._next()
            last = self.hangs_up  # read before the client may go on
            if answer is None:
                return
            connection.sendall(answer)
            if last:
                return

    def _next(self):
        return self.answers.pop(0) if self.answers else good_answer(1)


def http_answer(headers, body, status="200 OK"):
    """Bytes of an HTTP answer."""
    fields = {**headers, "Content-Length": len(body)}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def good_answer(label):
    logits = np.zeros((1, 3), np.float32)
    logits[0, label] = 1
    return scores_answer(logits)


def scores_answer(*arrays):
    tensors = tuple(Tensor(f"y{number}", array) for number, array in enumerate(arrays))
    return http_answer(*encode_response(InferResponse("infnet", tensors)))


@pytest.fixture
def relay(backend):
    """Everything a device sends to the real backend passes here and is kept."""
    with Relay(backend) as relay:
        yield relay


@pytest.fixture
def scripted():
    with Scripted() as listener:
        yield listener


@pytest.fixture(scope="session")
def answer():
    """What tests make HTTP answers with: ``http``, ``good(label)`` and ``scores(*arrays)``."""

    class Answer:
        http, good, scores = map(staticmethod, (http_answer, good_answer, scores_answer))

    return Answer
