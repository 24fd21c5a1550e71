"""How far x' leaves the value range of a raw sample: allowed, but a request then shows it."""

from __future__ import annotations

import numpy as np

from obfnet.auditing.evidence import Evidence
from obfnet.auditing.examination import Examined, Measure
from obfnet.auditing.intervals import of_fraction


def value_range(evidence: Evidence, raw: Evidence, seed: int) -> Examined:
    """Count the values of x' below or above what a raw sample takes, on evaluation samples."""
    spec, released = evidence.known.spec, evidence.evaluation.released
    excess = np.maximum(spec.low - released, released - spec.high).reshape(len(released), -1)
    outside = excess > 0
    touched = int(outside.any(axis=1).sum())
    beyond = max(0.0, float(excess.max())) / (spec.high - spec.low)
    return Examined(
        "value-range",
        "Values of x' outside the range of raw samples",
        "one x'",
        (
            Measure("values outside", float(outside.mean()), raw=0.0, unit="fraction"),
            Measure(
                "samples with a value outside",
                touched / len(released),
                of_fraction(touched, len(released)),
                raw=0.0,
                unit="fraction",
            ),
            Measure("farthest outside", beyond, raw=0.0, unit="width of the range"),
        ),
        f"A raw sample stays within [{spec.low:g}, {spec.high:g}]. A backend that checks its input "
        "refuses what leaves it, and an observer tells it from a raw sample at a glance.",
    )
