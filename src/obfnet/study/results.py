"""The one form of every measured result: ``results.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from obfnet import files
from obfnet.errors import SpecError
from obfnet.provenance import provenance

Row = Mapping[str, Any]

#: Every key a row may use, with its meaning; one name for one thing across all studies.
KEYS = {
    "dataset": "name of the dataset",
    "split": "how it was split",
    "infnet": "name of the InfNet",
    "obfnet": "name of the transform; 'raw' for unprotected samples",
    "mechanism": "bare name of the mechanism",
    "mechanism_args": "its arguments",
    "width": "bottleneck width",
    "seeds": "seeds the row is over",
    "clean_accuracy": "of the InfNet on raw samples",
    "accuracy": "of the InfNet on x'",
    "accuracy_ci": "95 % interval; over seeds where there are several, in studies of the ObfNet "
    "paper over test samples as well",
    "accuracies": "of each seed",
    "validation_accuracy": "on what chose the checkpoints",
    "drop": "clean_accuracy - accuracy",
    "agreement": "share of samples answered as the raw ones are",
    "leakage": "of the best attack, 0 = label only, 1 = no protection",
    "leakage_ci": "95 % interval",
    "raw_leakage": "of the same attack on raw samples: its sanity",
    "best_attack": "name of the best attack",
    "attributes": "private attributes: accuracy of the probe with its interval, chance of the "
    "best constant guess, label_only of the best guess from the label",
    "effort": "preset of the audit",
    "evaluated": "samples that attacks were judged on",
    "attacker_pairs": "pairs (x, x') that the attacker learnt from",
    "tried": "every reconstruction attack: what it knows, its leakage by score with interval, "
    "validated on its own pairs, and raw on raw samples",
    "examined": "what else was measured, by name: measures with interval, floor and raw",
    "unmeasured": "why a part of the audit has no number, by its name",
    "certified_bits": "upper bound on I(X; X'), null where nothing is proven",
    "excess_bits": "certified_bits above Fano's minimum for this accuracy",
    "twin_accuracy": "of an on-device classifier of the same cost",
    "params": "learned values on the device",
    "macs": "multiply-accumulates for one sample",
    "bytes": "size of the artefact on the device",
    "request_bytes": "body of one request",
    "edge_ms": "obfuscating one sample on one thread: min, median, max",
    "hundred_ms": "the same, of 100 runs as the papers print them: min, mean, max",
    "published_ms": "likewise, as a paper prints it for its own board",
    "round_trip_ms": "one sample, from the call on the device to the label: min, median, max",
    "per_sample_ms": "a prepared request to its answer, over the samples in it: min, median, max",
    "transmission_ms": "what a link adds to one request: min, median, max",
    "forge_seconds": "wall time of forging, per ObfNet",
    "devices": "how many sets",
    "distinctness": "over all pairs of a fleet, see forging.distinct",
    "queries": "samples the InfNet was asked about",
    "figure": "table or figure of the paper that the row repeats; 'beyond' for what it lacks",
    "paper": "the paper's accuracy: one value, or the least and the greatest",
    "differs": "how what was done differs from what the paper did, in plain words",
    "audited": "ObfNets, the first ones, that leakage is the mean over; leakage_ci is then the "
    "widest reach of their intervals",
    "precision": "of the artefact that bytes and edge_ms are of",
    "batch": "samples in one request or call",
    "mbit_s": "data rate of the link, Mbit/s",
    "budget": "upper bounds on params, macs or bytes that the encoder was proposed for",
    "bench": "name of the benchmark",
    "subject": "what is measured, in plain words",
    "baseline": "what it is compared with, in plain words",
    "ratio": "above 1 the subject is better",
    "skipped": "why a row has no figures",
    "rounds": "how many rounds the median is over",
    "ratio_ci": "95 % interval, or least and greatest of few rounds",
    "unit": "of value",
    "value": "the subject's figure",
    "baseline_value": "the baseline's figure",
    "baseline_accuracy": "of the InfNet on the baseline's x', where accuracy is the subject's",
    "backend_change": "what the backend's owner must change before this works",
    "backend_ms": "the backend's part for one sample: min, median, max",
    "decrypt_ms": "the device's part of edge_ms after the answer",
    "response_bytes": "body of one answer",
    "once_bytes": "sent once, before the first sample: keys",
    "encrypted": "samples that were really encrypted; accuracies of a homomorphic row are of these",
    "clear_accuracy": "of the model of a homomorphic row on all test samples, not encrypted",
    "listeners": "who was asked what was sent, by name: accuracy with its interval per answer, "
    "p_value against chance, likewise, adaptive if it learnt from x', confusion (rows: true class; "
    "last column: nothing recognised)",
    "published": "what the paper reports for the same, null where it has nothing",
    "baseline_leakage": "as the baseline measures it, where leakage is as the subject does",
}


def write(folder: Path, command: str, rows: Sequence[Row], seconds: float) -> Path:
    """Write ``folder/results.json`` and return its path.

    Raises:
        SpecError: a row uses a key that is not in ``KEYS``.
    """
    for row in rows:
        unknown = sorted(row.keys() - KEYS.keys())
        if unknown:
            raise SpecError(f"results row has unknown keys {unknown}; add them to results.KEYS")
    content = {**provenance(command), "seconds": round(seconds, 1), "rows": list(rows)}
    path = folder / "results.json"
    files.write(path, json.dumps(content, indent=1, allow_nan=False) + "\n")
    return path


def read(path: Path) -> dict[str, Any]:
    """What ``write`` wrote."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
