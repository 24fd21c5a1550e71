"""Measure an alternative: accuracy, what its best attack recovers, milliseconds and bytes."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch

from obfnet.auditing.audit import audit_all
from obfnet.auditing.effort import Effort
from obfnet.auditing.intervals import of_fraction
from obfnet.edge.message import Agreed, write
from obfnet.seeds import branch
from obfnet.specs import Samples
from obfnet.study.alternatives_offer import Bench, Offer
from obfnet.study.audited import row as audited_row
from obfnet.study.spread import spread
from obfnet.wire import InferResponse, Tensor
from obfnet.wire.response import encode_response

TIMED, WARM = 200, 20


def measured(bench: Bench, offer: Offer, effort: Effort) -> dict[str, Any]:
    """One row of results.

    Accuracy is on all test samples; leakage and attributes on as many as ``effort`` says. "Clean"
    is always the unmodified InfNet on raw samples, also where another model answers x'.
    """
    place, subject = bench.place, offer.subject
    held = place.data.take(place.splits.test)
    (report,) = audit_all(
        [None if subject.name == "raw" else subject],
        offer.infnet,
        place.data,
        place.splits,
        branch(place.seed, "audit"),
        effort,
        bench.folder / "parts",
    )
    found = audited_row(place, report)
    answers = np.concatenate(
        [
            offer.infnet.predict(subject.transform(held.samples[start : start + 512]))
            for start in range(0, len(held), 512)
        ]
    )
    hits = int((answers == held.labels).sum())
    clean = bench.infnet.predict(held.samples)
    accuracy, clean_accuracy = hits / len(held), float((clean == held.labels).mean())
    device = offer.device or subject.transform
    sent = np.asarray(device(held.samples[:1].copy()), np.float32)
    return found | {
        "obfnet": subject.name,
        "backend_change": offer.change,
        "clean_accuracy": clean_accuracy,
        "accuracy": accuracy,
        "accuracy_ci": list(of_fraction(hits, len(held))),
        "drop": clean_accuracy - accuracy,
        "agreement": float((answers == clean).mean()),
        "mechanism_args": dict(offer.args),
        "edge_ms": one_by_one(device, held.samples[:TIMED]),
        "request_bytes": request_bytes(sent),
        "response_bytes": response_bytes(len(place.data.classes)),
    }


def one_by_one(device: Any, samples: Samples) -> dict[str, float]:  # noqa: ANN401  # any callable
    """Milliseconds for one sample at a time, on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for sample in samples[:WARM]:
            device(sample[None])
        seconds = []
        for sample in samples:
            started = time.perf_counter()
            device(sample[None])
            seconds.append(time.perf_counter() - started)
    finally:
        torch.set_num_threads(threads)
    return spread(seconds)


def request_bytes(sent: Samples) -> int:
    """Body of one Open Inference Protocol request that carries ``sent``, binary."""
    return len(write(Agreed("input"), sent, obfuscated=True).body)


def response_bytes(classes: int) -> int:
    """Body of the answer with the logits of one sample."""
    logits = Tensor("output", np.zeros((1, classes), np.float32))
    return len(encode_response(InferResponse("infnet", (logits,)))[1])
