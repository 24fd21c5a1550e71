"""How long a device takes from nothing to its first obfuscated sample, and in how much memory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from obfnet.bundling.archive import open_bundle
from obfnet.bundling.signature import decode
from obfnet.errors import ObfuscationFailedError, SpecError

#: What a device runs: it verifies the bundle, loads all of its ObfNets, and obfuscates one sample.
#: "first" is written as soon as it has x', then memory in KB, as the system counts it.
PROGRAM = """
import sys
import numpy as np
from obfnet.bundling.keys import PublicKey
from obfnet.bundling.trust import opened, trusting
from obfnet.edge.obfuscator import obfuscators
path, key, runtime = sys.argv[1:]
bundle = opened(path, trusting(PublicKey.from_hex(key)))
spec = bundle.manifest.sample
obfuscators(bundle, runtime)[0](np.full((1, *spec.shape), spec.low, np.float32))
print("first", flush=True)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmRSS")))
"""
#: The same, by what a program uses that also sends: with HTTP, TLS and the picker.
CLIENT = """
import sys
import numpy as np
from obfnet.bundling.keys import PublicKey
from obfnet.bundling.trust import trusting
from obfnet.edge.client import EdgeClient
from obfnet.edge.message import Agreed
path, key, runtime = sys.argv[1:]
trust = trusting(PublicKey.from_hex(key))
url = "http://127.0.0.1:9"
client = EdgeClient(path, url, trust=trust, agreed=Agreed("x"), runtime=runtime)
spec = client.bundle.manifest.sample
client.prepare(np.full(spec.shape, spec.low, np.float32))
print("first", flush=True)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmRSS")))
"""


@dataclass(frozen=True)
class Start:
    """One start of a fresh interpreter.

    Args:
        seconds: from the process's birth to x', wall time.
        cpu_seconds: of processor time in all: what other processes do not disturb as much.
        resident_mb: memory held when x' is there.
    """

    seconds: float
    cpu_seconds: float
    resident_mb: float


def clean_starts(
    bundle: Path, runtimes: Sequence[str] = ("numpy", "onnxruntime"), rounds: int = 11
) -> list[dict[str, Any]]:
    """Rows ``subject, unit, value, rounds`` of the medians, runtimes in turns, one thread.

    Args:
        bundle: file of a signed bundle.
        runtimes: of ``edge.runtime.RUNTIMES``, installed.
        rounds: starts of each; the first, which fills the disk's cache, is one more.

    Raises:
        SpecError: the bundle is not signed.
        ObfuscationFailedError: a start came to no x'.
    """
    signature = open_bundle(bundle).signature
    if signature is None:
        raise SpecError(f"{bundle} is not signed, and a device's start verifies it: sign it")
    key = str(decode(signature).key)
    programs = {
        (name, runtime): (program, str(bundle), key, runtime)
        for runtime in runtimes
        for name, program in (("first sample", PROGRAM), ("first message", CLIENT))
    }
    found: dict[tuple[str, str], list[Start]] = {each: [] for each in programs}
    for place in range(rounds + 1):
        for each, arguments in programs.items():
            start = _start(arguments)
            if place:
                found[each].append(start)
    measures = ("seconds", "s"), ("cpu_seconds", "CPU s"), ("resident_mb", "MB resident")
    return [
        {
            "bench": "edge",
            "subject": f"clean start to the {name}, {runtime}",
            "unit": unit,
            "value": median(getattr(start, measure) for start in starts),
            "rounds": len(starts),
        }
        for (name, runtime), starts in found.items()
        for measure, unit in measures
    ]


def _start(arguments: Sequence[str]) -> Start:
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    before = os.times()
    begun = perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", *arguments],
        stdout=subprocess.PIPE,
        env={**os.environ, **one_thread},
        text=True,
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        seconds = perf_counter() - begun
        rest = process.stdout.read()
    after = os.times()
    if first != "first\n" or process.returncode:
        raise ObfuscationFailedError(f"a start of {arguments[-1]} came to no x': see its message")
    cpu = after.children_user - before.children_user + after.children_system
    return Start(seconds, cpu - before.children_system, int(rest) / 1024)
