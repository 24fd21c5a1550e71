"""Whether who looks at one message tells x' from a raw sample; requests: see ``captured``."""

from __future__ import annotations

from dataclasses import replace

from obfnet.auditing.detectability import detect
from obfnet.auditing.detectors import Watched
from obfnet.auditing.evidence import Evidence, Pairs
from obfnet.auditing.examination import Examined, Measure

#: Of the attacker's samples, of each kind, at most: the detector's picture net is the dearest
#: of all for its size, and learns a visible difference from far fewer.
MOST = 4_000
#: Of the effort's steps that the net trains.
SHARE = 0.25

TITLES = {"net": "a trained net", "memory": "a memory of x' seen before"}


def examine(evidence: Evidence, raw: Evidence, seed: int) -> Examined:
    """Area under the ROC curve of detectors that know the transform, on single samples.

    A coin, .5, is both the floor and what raw samples against raw samples give.
    """
    known = evidence.known
    train, held = _watched(known.train, MOST), _watched(known.validation, MOST)
    # Once every validation sample is told, more training changes nothing.
    schedule = replace(known.effort.schedule(2 * len(train.raw), 2e-3, SHARE), target=1.0)
    found = detect(train, held, _watched(evidence.evaluation), seed, schedule)
    best = Measure("best detector's area", found.auc, found.auc_ci, 0.5)
    each = (
        Measure(f"area of {TITLES.get(one.detector, one.detector)}", one.auc, one.auc_ci, 0.5)
        for one in found.each
    )
    return Examined(
        "detectability",
        "Detectability on content",
        "the transform, and raw samples of the same distribution",
        (best, *each),
        f"How often {TITLES.get(found.detector, found.detector)}, chosen on the attacker's "
        "validation samples, ranks an x' above a raw sample; .5 is a coin. What requests look "
        "like on the wire is another matter, and measured on captured ones.",
    )


def _watched(pairs: Pairs, most: int | None = None) -> Watched:
    return Watched(pairs.originals[:most], pairs.released[:most])
