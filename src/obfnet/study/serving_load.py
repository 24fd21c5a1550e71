"""Load on a server from wrk, a C program, so that what is measured is the server."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from obfnet import files
from obfnet.errors import BackendError, MissingExtraError

#: wrk has no option for a body; what it prints by itself has three digits.
_SCRIPT = """\
local file = io.open({body}, "rb")
wrk.method = "POST"
wrk.body = file:read("*a")
{headers}
done = function(summary, latency, requests)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format(
    '{{"requests": %d, "failed": %d, "seconds": %.6f, "p50": %.4f, "p99": %.4f}}\\n',
    summary.requests, failed, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
"""
_TIMEOUT = 10


@dataclass(frozen=True)
class Loaded:
    """What a load of one kind of request saw.

    Args:
        rate: requests answered in a second.
        p50: median of the time to an answer, in milliseconds.
        p99: its 99th percentile, likewise.
    """

    rate: float
    p50: float
    p99: float


def find_wrk() -> str:
    """Where wrk is.

    Raises:
        MissingExtraError: it is not installed.
    """
    found = shutil.which("wrk")
    if found is None:
        raise MissingExtraError(
            "loading a server needs wrk, a program in C that is not installed: apt-get install wrk"
        )
    return found


def load(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    connections: int,
    seconds: int,
    folder: Path,
) -> Loaded:
    """Post the same ``body`` again and again over kept-alive connections, one thread for all.

    Args:
        url: where to.
        headers: of each request.
        body: of each request.
        connections: how many requests are under way at a time.
        seconds: for how long.
        folder: for the script and the body.

    Raises:
        MissingExtraError: wrk is not installed.
        BackendError: nothing was answered, or something with an error.
    """
    wrk = find_wrk()
    (folder / "body").write_bytes(body)
    script = _SCRIPT.format(
        body=json.dumps(str(folder / "body")),
        headers="\n".join(
            f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}"
            for name, value in headers.items()
        ),
    )
    files.write(folder / "load.lua", script)
    options = ["-t1", f"-c{connections}", f"-d{seconds}s", f"--timeout={_TIMEOUT}s"]
    done = subprocess.run(
        [wrk, *options, "-s", str(folder / "load.lua"), url], capture_output=True, text=True
    )
    try:
        found = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError) as error:
        raise BackendError(f"wrk could not load {url}: {done.stderr or done.stdout}") from error
    if found["failed"] or not found["requests"]:
        raise BackendError(
            f"{url} failed {found['failed']} of {found['requests']} requests, expected none: "
            "errors are not compared"
        )
    return Loaded(found["requests"] / found["seconds"], found["p50"], found["p99"])
