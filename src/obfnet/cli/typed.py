"""What the user typed, for records."""

from __future__ import annotations

import shlex
import sys


def typed() -> str:
    """The command line as a shell takes it."""
    return shlex.join(["obfnet", *sys.argv[1:]])
