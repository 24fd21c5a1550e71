"""Send samples to a live backend one by one, as a device does, and measure."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from obfnet.bundling.archive import Bundle
from obfnet.edge.client import EdgeClient
from obfnet.edge.obfuscator import Obfuscator
from obfnet.edge.policy import Policy
from obfnet.progress import track
from obfnet.specs import Labels, Samples
from obfnet.study.spread import spread


@dataclass(frozen=True, eq=False)
class Sent:
    """What came back over HTTP.

    Args:
        answers: label of each sample, ``(n,)``.
        request_bytes: body of one request; the same for every sample.
        round_trip_ms: from the call on the device to the label.
    """

    answers: Labels
    request_bytes: int
    round_trip_ms: dict[str, float]


def send(bundle: Bundle, url: str, samples: Samples, policy: Policy, label: str) -> Sent:
    """Ask the backend at ``url`` about each of ``samples`` ``(n, *shape)``."""
    answers = np.empty(len(samples), dtype=np.int64)
    seconds = []
    with EdgeClient(bundle, url, policy=policy) as client:
        size = len(client.prepare(samples[0]).body)
        for position, sample in enumerate(track(samples, f"send {label}", total=len(samples))):
            started = time.perf_counter()
            answers[position] = client.infer(sample)
            seconds.append(time.perf_counter() - started)
    return Sent(answers, size, spread(seconds))


def time_on_device(obfuscator: Obfuscator, samples: Samples) -> dict[str, float]:
    """Milliseconds to obfuscate one sample, over ``samples`` ``(n, *shape)``, on one thread."""
    for sample in samples[:20]:
        obfuscator(sample[None])
    seconds = []
    for sample in samples:
        started = time.perf_counter()
        obfuscator(sample[None])
        seconds.append(time.perf_counter() - started)
    return spread(seconds)
