"""A policy by how busy the device is."""

from __future__ import annotations

import os

from obfnet.edge.policy import Policy
from obfnet.errors import ObfuscationFailedError, SpecError


def load_below(load: float) -> Policy:
    """Obfuscate while the load is below ``load``, send raw while the device is busier.

    Args:
        load: processes that run or wait to, averaged over the last minute; a device of four
            cores is fully busy at 4. Above 0.

    Raises:
        SpecError: another load.
    """
    if not load > 0:
        raise SpecError(f"load is {load}, expected above 0")
    return lambda: _load() < load


def _load() -> float:
    try:
        return os.getloadavg()[0]
    except (OSError, AttributeError) as error:  # AttributeError: a system without it
        raise ObfuscationFailedError(f"the system does not tell its load: {error!r}") from error
