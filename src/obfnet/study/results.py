"""The one form of every measured result: ``results.json``."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from obfnet import files
from obfnet.errors import SpecError
from obfnet.threads import available

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
    "accuracy_ci": "95 % interval; over seeds where there are several",
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
    "certified_bits": "upper bound on I(X; X'), null where nothing is proven",
    "excess_bits": "certified_bits above Fano's minimum for this accuracy",
    "twin_accuracy": "of an on-device classifier of the same cost",
    "params": "learned values on the device",
    "macs": "multiply-accumulates for one sample",
    "bytes": "size of the artefact on the device",
    "request_bytes": "body of one request",
    "edge_ms": "obfuscating one sample on one thread: min, median, max",
    "round_trip_ms": "one sample, from the call on the device to the label: min, median, max",
    "forge_seconds": "wall time of forging, per ObfNet",
    "devices": "how many sets",
    "distinctness": "over all pairs of a fleet, see forging.distinct",
    "queries": "samples the InfNet was asked about",
    "budget": "upper bounds on params, macs or bytes that the encoder was proposed for",
    "bench": "name of the benchmark",
    "subject": "what is measured, in plain words",
    "baseline": "what it is compared with, in plain words",
    "ratio": "above 1 the subject is better",
    "rounds": "how many rounds the median is over",
    "ratio_ci": "95 % interval, or least and greatest of few rounds",
    "unit": "of value",
    "value": "the subject's figure",
    "baseline_value": "the baseline's figure",
    "baseline_accuracy": "of the InfNet on the baseline's x', where accuracy is the subject's",
    "baseline_leakage": "as the baseline measures it, where leakage is as the subject does",
}

PACKAGES = ("obfnet", "torch", "numpy", "onnx", "onnxruntime", "scikit-learn", "librosa")


def write(folder: Path, command: str, rows: Sequence[Row], seconds: float) -> Path:
    """Write ``folder/results.json`` and return its path.

    Raises:
        SpecError: a row uses a key that is not in ``KEYS``.
    """
    for row in rows:
        unknown = sorted(row.keys() - KEYS.keys())
        if unknown:
            raise SpecError(f"results row has unknown keys {unknown}; add them to results.KEYS")
    content = {
        "command": command,
        "git": _git(),
        "versions": {"python": platform.python_version(), **_versions()},
        "machine": _machine(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "rows": list(rows),
    }
    path = folder / "results.json"
    files.write(path, json.dumps(content, indent=1, allow_nan=False) + "\n")
    return path


def read(path: Path) -> dict[str, Any]:
    """What ``write`` wrote."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _git() -> str | None:
    """The commit of the source tree, with ``+`` if it has changes; None outside a checkout."""
    here = Path(__file__).parent
    try:
        # Fails where this package merely lies inside somebody else's checkout.
        _run(here, "git", "ls-files", "--error-unmatch", Path(__file__).name)
        commit = _run(here, "git", "rev-parse", "HEAD")
        changed = _run(here, "git", "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit[:12] + ("+" if changed else "")


def _run(folder: Path, *command: str) -> str:
    return subprocess.run(
        command, cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def _machine() -> dict[str, Any]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": _processor(),
        "threads": available(),
        "memory_gib": round(memory, 1),
        "system": platform.system(),
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
