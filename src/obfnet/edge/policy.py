"""Whether to obfuscate a sample: the device's own choice, told to no one.

A policy is any callable without arguments that returns True to obfuscate. Sending raw is only
ever such a decision, never what happens after an error.
"""

from __future__ import annotations

from collections.abc import Callable

Policy = Callable[[], bool]


def always() -> bool:
    """Obfuscate every sample."""
    return True


def never() -> bool:
    """Send every sample raw, as a device without obfuscation does."""
    return False
