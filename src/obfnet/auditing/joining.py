"""Several parts of an attacker's pairs as one."""

from __future__ import annotations

import numpy as np

from obfnet.auditing.evidence import Pairs


def joined(*parts: Pairs) -> Pairs:
    """All pairs in order, without attributes: pairs of an attacker's making have none."""
    return Pairs(
        np.concatenate([part.originals for part in parts]),
        np.concatenate([part.released for part in parts]),
        np.concatenate([part.answers for part in parts]),
        np.concatenate([part.labels for part in parts]),
        {},
    )
