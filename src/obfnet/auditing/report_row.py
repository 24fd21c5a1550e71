"""A report as one row of results, in the one form of all studies."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from obfnet.auditing.report import Report
from obfnet.mechanisms.certificate import least_bits


def row(report: Report, dataset: str, infnet: str, split: str) -> dict[str, Any]:
    """All of ``docs/results-form.md`` that an audit knows.

    Args:
        report: of one subject.
        dataset: name of the data.
        infnet: what tables call the InfNet.
        split: what tables call the split.
    """
    subject = report.subject
    return {
        "dataset": dataset,
        "split": split,
        "infnet": infnet,
        "obfnet": subject.name,
        "seeds": [report.seed],
        **report.row(),
        "agreement": report.agreement,
        "raw_leakage": report.raw_leakage,
        **_certified(report),
        **({} if subject.cost is None else asdict(subject.cost)),
        **({} if subject.twin_accuracy is None else {"twin_accuracy": subject.twin_accuracy}),
    }


def _certified(report: Report) -> dict[str, Any]:
    """What the mechanism proves of one sample, and how much of it the label does not need."""
    mechanism = report.subject.mechanism
    if mechanism is None:
        return {}
    certificate = mechanism.certificate()
    minimum = least_bits(report.evidence.known.classes, report.accuracy)
    return {
        "mechanism": mechanism.name,
        "mechanism_args": asdict(mechanism),  # type: ignore[call-overload]
        "certified_bits": certificate.bits if certificate.certified else None,
        "excess_bits": certificate.bits - minimum if certificate.certified else None,
    }
