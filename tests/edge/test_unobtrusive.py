"""What a server notes of raw and of obfuscated samples tells nobody which is which."""

import json
import os
import re
import subprocess
import sys
import time

import httpx
import numpy as np
import pytest
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer

from obfnet.edge.policy import always, never
from onnx_files import repository

EACH = 300


@pytest.fixture
def server(make, tmp_path):
    """URL of a server that logs every request, and the file of its log."""
    folder = repository(tmp_path / "models", infnet=make.encoder)
    told = {"REPOSITORY": str(folder), "PORT": "0", "ACCESS_LOG": "1", "POLL": "600"}
    environ = os.environ | {f"OBFNET_SERVE_{name}": value for name, value in told.items()}
    log = tmp_path / "log"
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "obfnet.serving"], stderr=sink, env=environ
        )
    try:
        while not (found := re.search(r'"url": "([^"]+)"', log.read_text())):
            assert process.poll() is None, log.read_text()
        yield found[1], log
    finally:
        process.terminate()
        process.wait(20)


def counted(url):
    """Every metric but those of time and of the process."""
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    told = (
        line.rsplit(" ", 1) for line in lines if re.match(r"serving_(?!.*(seconds|created))", line)
    )
    return {name: float(value) for name, value in told if 'model=""' not in name}


def inferences(log, count):
    """The log's lines of inferences, once there are ``count`` of them."""
    deadline = time.monotonic() + 20
    while True:
        lines = [json.loads(line) for line in log.read_text().splitlines(keepends=True)
                 if line.endswith("\n")]  # fmt: skip
        found = [line for line in lines if line.get("path", "").endswith("/infer")]
        if len(found) >= count or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def test_logs_metrics_and_times_are_alike(server, connect, codebook, samples):
    url, log = server
    clients = [connect(codebook, url, policy=policy) for policy in (never, always)]
    for client in clients:
        client.infer(samples[0])
    chance = np.random.default_rng(0)
    order = chance.permutation(np.repeat([0, 1], EACH))
    for which in order:
        clients[which].infer(samples[chance.integers(len(samples))])
    # Each client's probe and first sample came before; the last line may be a moment late.
    lines = inferences(log, 4 + len(order))[4:]
    assert len(lines) == len(order)
    # All but the times are the same in every line.
    assert len({json.dumps({**line, "ms": 0, "time": ""}) for line in lines}) == 1
    # And from the times a classifier learns nothing: within four deviations of chance.
    times = np.array([line["ms"] for line in lines])
    known = np.stack([times, np.roll(times, 1)], axis=1)
    classifier = make_pipeline(QuantileTransformer(n_quantiles=100), KNeighborsClassifier(25))
    right = cross_val_predict(classifier, known, order, cv=10) == order
    assert abs(right.mean() - 0.5) < 4 * 0.5 / np.sqrt(len(order))


def test_counts_are_alike(server, connect, codebook, samples):
    url, _ = server
    deltas = []
    for policy in (never, always):
        start = counted(url)
        client = connect(codebook, url, policy=policy)
        for sample in samples[:10]:
            client.infer(sample)
        end = counted(url)
        deltas.append({name: value - start.get(name, 0) for name, value in end.items()})
    assert deltas[0] == deltas[1]
    # Ten samples and a probe; the question for the model's input runs nothing.
    assert deltas[0]['serving_batch_rows_count{model="infnet"}'] == 11
