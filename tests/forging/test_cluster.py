"""The same call on a Ray cluster: two real nodes on loopback, one of which is lost on the way."""

import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import safetensors.torch
import torch

from obfnet.errors import MissingExtraError
from obfnet.forging.cluster import on_ray
from small_nets import members, quick, state

SUPPORT = Path(__file__).parents[1] / "support"

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None and "OBFNET_REQUIRE_DATA" not in os.environ,
    reason="needs Ray: pip install 'obfnet[ray]'",
)


@pytest.fixture
def environment():
    """What every process of the cluster is started with; sockets need a short path."""
    folder = tempfile.mkdtemp(prefix="ray")
    yield {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(SUPPORT), *sys.path]),
        "RAY_TMPDIR": folder,
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "token",  # some of its ports are open to the network
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_raylet_start_wait_time_s": "120",  # on a busy machine
        "RAY_worker_register_timeout_seconds": "120",
        "OMP_NUM_THREADS": "1",
    }
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def cluster(environment, tmp_path):
    """A process that holds two nodes, and its address."""
    log = tmp_path / "cluster.log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, SUPPORT / "two_nodes.py"],
            env=environment,
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
def start(cluster, environment, tmp_path):
    """Starts a forging on the cluster; whatever happens, it does not outlive the test."""
    started = []

    def start(run):
        command = [sys.executable, SUPPORT / "forge_on_ray.py"]
        arguments = [cluster[1], tmp_path / "infnet", tmp_path, run]
        with (tmp_path / f"{run}.log").open("w") as log:
            driver = subprocess.Popen(
                [*command, *arguments], env=environment, stderr=log, stdout=log
            )
        started.append(driver)
        return driver

    yield start
    for driver in started:
        driver.kill()
        driver.wait()


@needs_ray
def test_a_cluster_forges_what_one_machine_does(
    cluster, start, infnet, digits, splits, tmp_path, monkeypatch
):
    holder, _ = cluster
    safetensors.torch.save_file(infnet.module.state_dict(), tmp_path / "infnet")
    driver = start("first")
    while not (tmp_path / "127.0.0.3").exists():  # the second node is at its first ObfNet
        assert driver.poll() is None, (tmp_path / "first.log").read_text()
        time.sleep(0.02)
    holder.stdin.write("remove\n")
    holder.stdin.flush()
    assert holder.stdout.readline() == "removed\n"

    # Nothing was lost. The next forging is killed on the way, and goes on.
    driver.wait(200)
    assert driver.returncode == -signal.SIGKILL, (tmp_path / "first.log").read_text()
    kept = {path: path.read_bytes() for path in (tmp_path / "fleet").rglob("*.safetensors")}
    assert len(kept) == 2
    driver = start("again")
    driver.wait(200)
    log = (tmp_path / "again.log").read_text()
    assert driver.returncode == 0, log
    assert "2 of 4 ObfNets are kept" in log
    assert {path: path.read_bytes() for path in kept} == kept
    assert len(list((tmp_path / "fleet").rglob("*.safetensors"))) == 4

    monkeypatch.setattr("obfnet.forging.fleet.chunk_size", lambda *_: 1)
    expected = {
        f"{number}/{name}": values
        for number, obfnet in enumerate(members(quick(infnet, digits, splits, size=4)))
        for name, values in state(obfnet).items()
    }
    for run in ("once", "again"):
        found = safetensors.torch.load_file(tmp_path / run)
        assert set(found) == set(expected)
        for name, values in found.items():
            torch.testing.assert_close(values, expected[name], rtol=1e-3, atol=1e-3)


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'obfnet\[ray\]'"):
        on_ray()
