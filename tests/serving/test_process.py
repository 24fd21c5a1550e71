"""The backend as a process of its own: starts, says why not, drains, leaves no orphan."""

import json
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest

from obfnet.errors import BackendUnavailableError, ModelLoadError, PortTakenError, SpecError
from obfnet.serving import Settings, running
from obfnet.wire import HEADER_LENGTH, InferRequest, Tensor, decode_response, encode_request


@pytest.fixture(scope="module")
def url(repository):
    with running(Settings(repository, port=0, max_body_bytes=10_000)) as url:
        yield url


def infer(url, x, identifier=""):
    headers, body = encode_request(InferRequest((Tensor("x", x),), id=identifier))
    with httpx.Client() as http:
        response = http.post(f"{url}/v2/models/free/infer", headers=headers, content=body)
    return decode_response(response.content, response.headers.get(HEADER_LENGTH))


def test_over_a_socket(url):
    assert httpx.get(f"{url}/v2/health/ready").json() == {"ready": True}

    def one(number):
        x = np.full((1, 1 + number % 3), number, np.float32)
        found = infer(url, x, str(number))
        assert found.id == str(number)
        np.testing.assert_array_equal(found.outputs[0].data, x * 2)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(32)))


def test_oversize_over_a_socket(url):
    with httpx.Client() as http:
        response = http.post(f"{url}/v2/models/free/infer", content=bytes(200_000))
        assert response.status_code == 413
        chunks = (bytes(1000) for _ in range(200))
        assert http.post(f"{url}/v2/models/free/infer", content=chunks).status_code == 413
        assert http.get(f"{url}/v2/health/live").status_code == 200


def test_stops(repository):
    with running(Settings(repository, port=0)) as url:
        pass
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def test_port_taken(repository):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with (
            pytest.raises(PortTakenError, match=f"port {port} of 127.0.0.1 is in use"),
            running(Settings(repository, port=port)),
        ):
            pass


def test_not_onnx(tmp_path):
    (tmp_path / "m" / "1").mkdir(parents=True)
    (tmp_path / "m" / "1" / "model.onnx").write_text("not a model")
    with pytest.raises(ModelLoadError, match="11 bytes"), running(Settings(tmp_path, port=0)):
        pass


def test_address_of_another_machine(repository):
    settings = Settings(repository, host="192.0.2.1", port=0)
    with pytest.raises(SpecError, match=r"cannot listen .* 192\.0\.2\.1"), running(settings):
        pass


def test_death_at_start(repository, tmp_path, monkeypatch):
    (tmp_path / "onnxruntime.py").write_text("raise SystemExit('no such processor')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    with (
        pytest.raises(BackendUnavailableError, match=r"ended with status 1 .*\nno such processor"),
        running(Settings(repository, port=0)),
    ):
        pass


def test_no_orphan(repository):
    code = (
        "import sys, time; from pathlib import Path; from obfnet.serving import Settings, running\n"
        "with running(Settings(Path(sys.argv[1]), port=0)) as url:\n"
        "    print(url, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(repository)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        url = parent.stdout.readline().strip()
        assert httpx.get(f"{url}/v2/health/live").status_code == 200
        parent.kill()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            httpx.get(f"{url}/v2/health/live")
        except httpx.TransportError:
            return
        time.sleep(0.05)
    pytest.fail("the backend outlived its parent")


def test_command_line_says_what_is_wrong(tmp_path):
    told = os.environ | {"OBFNET_SERVE_REPOSITORY": str(tmp_path), "OBFNET_SERVE_MAX_BATCH": "2"}
    command = [sys.executable, "-m", "obfnet.serving"]
    found = subprocess.run(command, capture_output=True, text=True, env=told)
    assert found.returncode == 1
    assert found.stderr.startswith(f"error: no models in {tmp_path}")


def test_knows_nothing_of_other_rooms(repository):
    code = "import sys, json, obfnet.serving.process; print(json.dumps(list(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    loaded = set(json.loads(found.stdout))
    rooms = {"edge", "bundling", "auditing", "forging", "mechanisms", "nets", "data", "study"}
    assert not loaded & ({f"obfnet.{room}" for room in rooms} | {"torch", "sklearn"})
