"""``obfnet bench soak``: minutes of load with everything that may go wrong, and what it left."""

from __future__ import annotations

import http.client
import random
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from obfnet import files
from obfnet.progress import say
from obfnet.seeds import branch
from obfnet.serving import Settings, running
from obfnet.study.sheet import publish
from obfnet.study.soak_clients import BAD, COLUMNS, Client, Tally, good, run

TITLE = "The embedded server under minutes of load and trouble"
NOTE = (
    "Good clients check every answer against the version that made it. A quarter of the time they "
    "are alone, then half of it beside slow, leaving, malformed and oversize clients while "
    "versions come, are spoilt and go, then alone again. Clients and server share the machine: "
    "trust ratios."
)
GOOD = 4
#: Shares of the time: alone, in the storm, alone again.
SHARES = (0.25, 0.5, 0.25)
#: Seconds after a change of phase that belong to neither.
SETTLING = 1.0


def bench_soak(folder: Path, seed: int, command: str, minutes: float = 10) -> Path:
    """Load a server for ``minutes`` and write what it made of it.

    Args:
        folder: for ``results.json`` and its page.
        seed: root of the seed tree.
        command: what makes them again.
        minutes: how long, in all.
    """
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as place:
        models = Path(place)
        _add_version(models, 1)
        settings = Settings(models, port=0, poll=0.2, timeout=2, max_body_bytes=2**20, max_queue=64)
        with running(settings) as url:
            tally = Tally.of(url)
            ends, memory = _load(tally, models, 60 * minutes, seed)
    rows = _rows(tally, ends, memory)
    return publish(folder, command, rows, time.perf_counter() - started, TITLE, NOTE)


def _load(
    tally: Tally, models: Path, seconds: float, seed: int
) -> tuple[Sequence[float], Sequence[tuple[float, float]]]:
    """When each phase ended, from the start on, and megabytes at times."""
    ends, memory = [time.time()], []
    version = 1
    with _clients(tally, [good] * GOOD, seed):
        for number, share in enumerate(SHARES):
            end = ends[-1] + share * seconds
            storm = Tally(tally.host, tally.port, seen=tally.seen)
            chance = random.Random(branch(seed, "versions"))
            with _clients(storm, BAD if number == 1 else (), seed):
                while time.time() < end:
                    if number == 1:
                        version = _change(models, version, chance)
                    memory.append((time.time(), _resident(tally)))
                    time.sleep(1)
            ends.append(time.time())
            say(f"  {len(tally.latencies):,} good requests, {len(tally.wrong)} wrong")
    return ends, memory


@contextmanager
def _clients(tally: Tally, clients: Sequence[Client], seed: int) -> Iterator[None]:
    threads = [
        threading.Thread(target=run, args=(each, tally, branch(seed, each.__name__, number)))
        for number, each in enumerate(clients)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        tally.stop.set()
        for thread in threads:
            thread.join()


def _change(models: Path, version: int, chance: random.Random) -> int:
    """A new version, garbage in place of one, or nothing; the newest version afterwards."""
    kind = chance.choice(("new", "new", "garbage", "nothing"))
    if kind == "garbage":
        files.write(models / "scaled" / str(version) / "model.onnx", chance.randbytes(1000))
    elif kind == "new":
        version += 1
        _add_version(models, version)
        if version > 3:
            shutil.rmtree(models / "scaled" / str(version - 3))
    return version


def _add_version(models: Path, version: int) -> None:
    """``y`` is ``version`` times ``x``, and ``z`` is ``-x``."""
    shape: list[str | int | None] = ["n", COLUMNS]
    kind = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "c"], ["y"]), helper.make_node("Neg", ["x"], ["z"])],
        "scaled",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info(name, kind, shape) for name in ("y", "z")],
        [numpy_helper.from_array(np.array(version, np.float32), "c")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    files.write(models / "scaled" / str(version) / "model.onnx", model.SerializeToString())


def _resident(tally: Tally) -> float:
    """Megabytes that the server has in memory, as it says itself."""
    connection = http.client.HTTPConnection(tally.host, tally.port, timeout=30)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    found = re.search(r"^process_resident_memory_bytes (\S+)$", text, re.M)
    return float(found[1]) / 2**20 if found else float("nan")


def _rows(
    tally: Tally, ends: Sequence[float], memory: Sequence[tuple[float, float]]
) -> list[dict[str, Any]]:
    p99 = [
        1000
        * float(
            np.quantile(
                [took for when, took in tally.latencies if start + SETTLING < when < end], 0.99
            )
        )
        for start, end in pairwise(ends)
    ]
    times, sizes = np.array(memory).T
    # The first half of the storm fills caches and pools.
    late = times > (ends[1] + ends[2]) / 2
    slope = float(np.polyfit(times[late] / 3600, sizes[late], 1)[0])
    seen = ", ".join(
        f"{who} {what}: {count:,}" for (who, what), count in sorted(tally.seen.items(), key=str)
    )
    failed = sum(
        count for (who, what), count in tally.seen.items() if who == "good" and what != 200
    )
    common = {"bench": "soak", "rounds": 1}
    return [
        {
            **common,
            "subject": "after the storm",
            "baseline": "before it",
            "ratio": p99[0] / p99[2],
            "unit": "ms, p99 of good requests",
            "value": p99[2],
            "baseline_value": p99[0],
        },
        {
            **common,
            "subject": "in the storm",
            "baseline": "before it",
            "ratio": p99[0] / p99[1],
            "unit": "ms, p99 of good requests",
            "value": p99[1],
            "baseline_value": p99[0],
        },
        {
            **common,
            "subject": "resident memory at the end",
            "baseline": "at the start",
            "ratio": sizes[0] / sizes[-1],
            "unit": "MiB",
            "value": sizes[-1],
            "baseline_value": sizes[0],
        },
        {
            **common,
            "subject": "growth of resident memory from the middle of the storm",
            "unit": "MiB per hour",
            "value": slope,
        },
        {
            **common,
            "subject": "wrong answers",
            "unit": f"of {len(tally.latencies):,} good requests",
            "value": len(tally.wrong),
        },
        {
            **common,
            "subject": f"good requests not answered ({seen})",
            "unit": "requests",
            "value": failed,
        },
    ]
