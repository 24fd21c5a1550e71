"""How a result came about: command, commit, package versions, machine and date."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from obfnet.threads import available

PACKAGES = ("obfnet", "torch", "numpy", "onnx", "onnxruntime", "scikit-learn", "librosa")


def provenance(command: str) -> dict[str, Any]:
    """What a results file says of its making, JSON-ready.

    Args:
        command: what makes the result again.
    """
    return {
        "command": command,
        "git": _git(),
        "versions": {"python": platform.python_version(), **_versions()},
        "machine": _machine(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


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
