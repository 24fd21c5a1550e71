"""What a study keeps of an audit: its figures, and a few pictures to look at."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from obfnet.auditing.evidence import Transform
from obfnet.auditing.report import Report
from obfnet.data.dataset import Dataset
from obfnet.data.splits import Splits
from obfnet.specs import Samples

SHOWN = 8


@dataclass(frozen=True, eq=False)
class Finding:
    """Figures and pictures of one transform.

    Args:
        figures: the row that the audit filled.
        original: x, ``(SHOWN, *shape)``.
        released: x'.
        reconstruction: of the best attack.
        floor: of the attacker who knows only the label.
    """

    figures: dict[str, Any]
    original: Samples
    released: Samples
    reconstruction: Samples
    floor: Samples


def find(report: Report, transform: Transform, data: Dataset, splits: Splits) -> Finding:
    """Keep the figures of ``report`` and the pictures of one sample of each class, in order."""
    labels = data.labels[splits.evaluation]
    shown = np.array([np.flatnonzero(labels == label)[0] for label in np.unique(labels)[:SHOWN]])
    original = data.samples[splits.evaluation[shown]]
    return Finding(
        {**report.row(), "raw_leakage": report.raw_leakage, "agreement": report.agreement},
        original,
        transform(original),
        report.reconstruction.samples[shown],
        report.floor.samples[shown],
    )


def dump(finding: Finding) -> bytes:
    """The finding as the bytes of an ``.npz`` file."""
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        figures=np.array(json.dumps(finding.figures)),
        original=finding.original,
        released=finding.released,
        reconstruction=finding.reconstruction,
        floor=finding.floor,
    )
    return buffer.getvalue()


def load(content: bytes) -> Finding:
    """The finding that ``dump`` wrote."""
    with np.load(io.BytesIO(content), allow_pickle=False) as held:
        return Finding(
            json.loads(str(held["figures"])),
            *(held[name] for name in ("original", "released", "reconstruction", "floor")),
        )
