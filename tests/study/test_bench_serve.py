"""The bench of servers, cut short: our own server and the bare loop, with real load."""

import os
import shutil

import pytest

from obfnet.errors import BackendError, EngineMissingError, MissingExtraError
from obfnet.study import bench_serve, results, serving_load
from obfnet.study.serving_subjects import Subject, marked, subjects

needs_wrk = pytest.mark.skipif(shutil.which("wrk") is None, reason="needs wrk: apt-get install wrk")


@pytest.fixture
def short(monkeypatch):
    """One short round of our own server and of one that cannot be had."""

    def missing(repository):
        raise EngineMissingError("not installed\nlast lines")

    chosen = (subjects()[0], Subject("triton", True, missing, lambda: 0))
    monkeypatch.setattr(bench_serve, "subjects", lambda: chosen)
    monkeypatch.setattr(bench_serve, "ROUNDS", 1)
    monkeypatch.setattr(bench_serve, "SECONDS", 3)  # beside other tests one may pass unanswered


@needs_wrk
def test_servers_are_loaded_in_turns(short, tmp_path):
    path = bench_serve.bench_serve(tmp_path, 0, "obfnet bench serve")
    rows = results.read(path)["rows"]
    (skipped,) = (row for row in rows if "skipped" in row)
    assert (skipped["baseline"], skipped["skipped"]) == ("triton", "not installed")
    compared = [row for row in rows if "skipped" not in row]
    assert {row["unit"] for row in compared} == {"requests/s", "p50 ms", "p99 ms"}
    assert all(row["value"] > 0 and row["baseline_value"] > 0 for row in compared)
    rate = next(row for row in compared if row["unit"] == "requests/s")
    assert rate["ratio"] == pytest.approx(rate["value"] / rate["baseline_value"])
    page = (tmp_path / "index.html").read_text()
    assert "not measured: not installed" in page
    assert "embedded" in page


@needs_wrk
def test_errors_are_not_compared(tmp_path):
    embedded = subjects()[0]
    sample = bench_serve._write(tmp_path / "models", 0)
    assert sample.shape == (1, 1, 28, 28)
    with marked() as memory, embedded.serve(tmp_path / "models") as url:
        with pytest.raises(BackendError, match="errors are not compared"):
            serving_load.load(f"{url}/v2/models/none/infer", {}, b"", 1, 1, tmp_path)
        assert memory() > 20e6  # numpy and onnxruntime at least
    assert memory() == 0
    assert "OBFNET_BENCH" not in os.environ


def test_nobody_listens(tmp_path):
    if shutil.which("wrk") is None:
        pytest.skip("needs wrk: apt-get install wrk")
    with pytest.raises(BackendError):
        serving_load.load("http://127.0.0.1:9/", {}, b"", 1, 1, tmp_path)


def test_without_wrk_the_package_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingExtraError, match="apt-get install wrk"):
        bench_serve.bench_serve(tmp_path, 0, "")


def test_our_own_install_is_small():
    assert 50e6 < subjects()[0].bytes() < 400e6
