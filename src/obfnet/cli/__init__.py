"""The command line: one file for each verb, each a few lines over the library."""

from __future__ import annotations

import sys


def main() -> int:
    """Run ``obfnet``; returns the exit status."""
    try:
        from obfnet.cli.app import run
    except ModuleNotFoundError as error:
        if error.name not in ("packaging", "typer", "rich"):
            raise
        print("error: the command line needs: pip install 'obfnet[cli]'", file=sys.stderr)
        return 1
    return run()
