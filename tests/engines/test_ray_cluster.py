"""Ray Serve on two real nodes on loopback, one of which is killed while both answer."""

import http.client
import os
import secrets
import shutil
import subprocess
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from obfnet.data.folders import cache_folder
from obfnet.errors import EngineMissingError, SpecError
from obfnet.serving.engines.environment import install
from obfnet.serving.engines.ray import Scaling, ray_engine
from obfnet.serving.engines.running import running_engine
from obfnet.wire import HEADER_LENGTH, InferRequest, Tensor, decode_response, encode_request
from onnx_files import repository, scores

SUPPORT = Path(__file__).parents[1] / "support"
ENVIRONMENTS = cache_folder() / "engines"
CLIENTS = 16
WEIGHTS = np.random.default_rng(0).normal(size=(784, 10)).astype(np.float32)
SHAPE = (1, 1, 28, 28)


@pytest.fixture
def short():
    """A folder with a short path: sockets need one."""
    folder = tempfile.mkdtemp(prefix="ray")
    yield Path(folder)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def python():
    """The Python of Ray Serve's environment, which is made first if it is not there."""
    try:
        return install(ENVIRONMENTS, "ray")
    except EngineMissingError as error:
        if "OBFNET_REQUIRE_DATA" in os.environ:
            raise
        pytest.skip(str(error))


@pytest.fixture
def environment(short, monkeypatch):
    """What every process of the cluster is started with, and what serves from it."""
    for name, value in {
        "RAY_TMPDIR": str(short),
        "RAY_AUTH_MODE": "token",  # some of its ports are open to the network
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_raylet_start_wait_time_s": "240",  # on a busy machine
        "RAY_worker_register_timeout_seconds": "240",
        "RAY_agent_register_timeout_ms": "240000",
        "RAY_SERVE_HANDLE_AUTOSCALING_METRIC_PUSH_INTERVAL_S": "1",
        "RAY_USAGE_STATS_ENABLED": "0",
        "OMP_NUM_THREADS": "1",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def cluster(python, environment, tmp_path):
    """A process that holds two nodes, and its address."""
    log = tmp_path / "cluster.log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [python, SUPPORT / "two_nodes.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        address = process.stdout.readline().strip()
        assert address, log.read_text()
        yield process, address
    finally:
        process.communicate(timeout=120)
    assert process.returncode == 0, log.read_text()


@pytest.fixture
def served(cluster, tmp_path):
    """Ray Serve on the cluster, once it answers right."""
    net = scores(weights=WEIGHTS, accepts=["n", *SHAPE[1:]], gives=("n", 10))
    models = repository(tmp_path / "models", scores=net)
    scaling = Scaling(least=1, most=2, waiting=2, up_seconds=1, down_seconds=600)
    engine = ray_engine(cluster[1], scaling)
    with running_engine(engine, models, ENVIRONMENTS, start_seconds=300) as running:
        yield running


def replicas(short):
    """How many replicas of the models run on our nodes."""
    found = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            title = (process / "cmdline").read_bytes()
            ours = str(short).encode() in (process / "environ").read_bytes()
        except OSError:  # it has ended
            continue
        found += ours and title.startswith(b"ray::ServeReplica:obfnet:models")
    return found


class Load:
    """Clients that ask for answers of their own, again and again, on kept-alive connections."""

    def __init__(self, url):
        self.address = url.removeprefix("http://")
        self.stopped = threading.Event()
        self.counts = Counter()
        self.threads = [threading.Thread(target=self.ask, args=(n,)) for n in range(CLIENTS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def ask(self, client):
        rng = np.random.default_rng(client)
        with closing(http.client.HTTPConnection(self.address, timeout=60)) as connection:
            while not self.stopped.is_set():
                sample = rng.normal(size=SHAPE).astype(np.float32)
                name = f"{client}-{rng.integers(1 << 30)}"
                try:
                    self.counts[answer(connection, sample, name)] += 1
                except (OSError, http.client.HTTPException) as error:
                    self.counts[repr(error)] += 1
                    connection.close()


def answer(connection, sample, name):
    """What came of one request: ``right``, ``wrong``, or the error as it was told."""
    headers, body = encode_request(InferRequest((Tensor("x", sample),), id=name))
    connection.request("POST", "/v2/models/scores/infer", body, headers)
    reply = connection.getresponse()
    content = reply.read()
    if reply.status != 200:
        return f"{reply.status}: {content!r}"
    found = decode_response(content, reply.headers[HEADER_LENGTH])
    expected = sample.reshape(1, -1) @ WEIGHTS
    same = np.allclose(found.outputs[0].data, expected, rtol=1e-3, atol=1e-3)
    return "right" if same and found.id == name else "wrong"


def until(true, seconds, *told):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, told
        time.sleep(0.1)


@pytest.mark.timeout(900)
def test_a_node_dies_and_no_request_is_lost(cluster, served, short):
    holder, _ = cluster
    with Load(served.url) as load:
        # The queue starts a second replica; a node has room for one.
        until(lambda: replicas(short) == 2, 180, load.counts)
        before = load.counts["right"]
        until(lambda: load.counts["right"] > before + 100, 60, load.counts)
        holder.stdin.write("remove\n")
        holder.stdin.flush()
        assert holder.stdout.readline() == "removed\n"
        until(lambda: replicas(short) == 1, 60, load.counts)
        before = load.counts["right"]
        until(lambda: load.counts["right"] > before + 100, 60, load.counts)
    assert set(load.counts) == {"right"}, load.counts


@pytest.mark.parametrize(
    "wrong", [{"least": 0}, {"least": 3, "most": 2}, {"waiting": 0}, {"up_seconds": 0}]
)
def test_a_scaling_that_nothing_satisfies(wrong):
    with pytest.raises(SpecError, match="expected"):
        Scaling(**wrong)
