"""Bits that x' tells of x: lower bounds from outside, beside the upper bound of the certificate."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from obfnet.auditing.critic import Matched, matched
from obfnet.auditing.evidence import Evidence, Pairs
from obfnet.auditing.examination import Examined, Measure
from obfnet.auditing.intervals import of_mean
from obfnet.auditing.subject import Subject
from obfnet.errors import NotMeasurableError
from obfnet.seeds import branch

#: Fewer evaluation samples than this tell fewer bits than a label has.
LEAST = 32
#: Samples that are sent twice to see whether a transform draws at random.
TWICE = 64


def information(evidence: Evidence, raw: Evidence, seed: int) -> Examined:
    """Lower bounds on I(X; X'), with and without the label, and the entropy of x'.

    They are diagnostics: a low bound proves nothing, for another critic may find more. A bound
    above the certificate proves that the certificate does not hold.

    Raises:
        NotMeasurableError: fewer than 32 evaluation samples.
    """
    judged = evidence.evaluation
    if len(judged) < LEAST:
        raise NotMeasurableError(
            f"{len(judged)} evaluation samples, expected {LEAST} or more: among so few nothing "
            "can be told apart"
        )
    found = matched(evidence, branch(seed, "critic"))
    plain = found if raw is evidence else matched(raw, branch(seed, "critic"))
    drawn = branch(seed, "bootstrap")
    label = entropy(Counter(judged.answers.tolist()))
    measures = [
        Measure(
            "information in x' at least",
            float(found.bits.mean()),
            of_mean(found.bits, drawn),
            floor=label,
            raw=float(plain.bits.mean()),
            unit="bits",
        ),
        Measure(
            "beyond the label at least",
            float(found.beyond.mean()),
            of_mean(found.beyond, drawn),
            floor=0.0,
            raw=float(plain.beyond.mean()),
            unit="bits",
        ),
    ]
    shown = [measures[0].ci[0] if measures[0].ci else 0.0]
    if _repeats(evidence.known.subject, judged):
        different = _entropy_of_released(judged)
        shown.append(different)
        measures.append(
            Measure(
                "entropy of the different x' seen",
                different,
                floor=label,
                raw=_entropy_of_released(raw.evaluation),
                unit="bits",
            )
        )
    certified = _certified(evidence.known.subject)
    if certified is not None:
        measures.append(Measure("certified at most", certified, unit="bits"))
    return Examined(
        "information",
        "Information about the sample",
        "pairs (x, x') and the label",
        tuple(measures),
        _note(found, max(shown), certified),
    )


def entropy(times: Counter[Any]) -> float:
    """Plug-in entropy in bits of how often each value occurred: too low rather than too high."""
    shares = np.array(list(times.values()), np.float64)
    shares /= shares.sum()
    return float(-(shares * np.log2(shares)).sum()) + 0.0


def _entropy_of_released(pairs: Pairs) -> float:
    return entropy(Counter(sample.tobytes() for sample in pairs.released))


def _repeats(subject: Subject, judged: Pairs) -> bool:
    """Whether the same x gives the same x' again, so that H(X') is I(X; X')."""
    if not subject.queries:
        return False
    again = subject.transform(judged.originals[:TWICE])
    return bool(np.array_equal(again, judged.released[:TWICE]))


def _certified(subject: Subject) -> float | None:
    if subject.mechanism is None:
        return None
    certificate = subject.mechanism.certificate()
    return certificate.bits if certificate.certified else None


def _note(found: Matched, shown: float, certified: float | None) -> str:
    note = (
        "Lower bounds: another attacker may learn more. Among "
        f"{round(2**found.most)} samples they cannot show more than {found.most:.1f} bits."
    )
    if certified is not None and shown > certified + 1e-6:
        return (
            f"ERROR: AT LEAST {shown:.2f} BITS LEAVE THE DEVICE WHERE {certified:.2f} ARE "
            "CERTIFIED. The mechanism does not run as it says: do not use this transform, and "
            f"trust nothing that its certificate claims. {note}"
        )
    return note
