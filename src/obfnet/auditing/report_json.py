"""A report as plain JSON, kept with a few samples to look at, and read back for pages."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from obfnet import files
from obfnet.auditing.ladder import FLOORS
from obfnet.auditing.report import Report, Tried
from obfnet.auditing.report_row import row
from obfnet.auditing.shown import Shown, shown
from obfnet.auditing.subject import Subject
from obfnet.errors import SpecError
from obfnet.mechanisms.statement import statement
from obfnet.provenance import provenance
from obfnet.registry import names

#: What ``report.json`` holds, see ``to_dict``.
Content = Mapping[str, Any]
#: Of the file's form; another number is another form.
FORM = 1
REPORT = "report.json"
SAMPLES = "samples.npz"


@dataclass(frozen=True)
class About:
    """What a report cannot know of itself.

    Args:
        dataset: its name.
        infnet: what tables call the InfNet.
        split: what tables call the split.
        command: what makes the report again.
        licence: of the samples that a page shows.
    """

    dataset: str
    infnet: str = "InfNet"
    split: str = "random 80/10/10"
    command: str = "obfnet.audit"
    licence: str = ""


def to_dict(report: Report, about: About) -> dict[str, Any]:
    """Everything in ``report`` but samples; a value that is not finite is None."""
    known, effort = report.evidence.known, report.effort
    plain = {
        "form": FORM,
        **provenance(about.command),
        **{field.name: getattr(about, field.name) for field in fields(about)},
        "seconds": round(report.seconds, 1),
        "row": row(report, about.dataset, about.infnet, about.split),
        "clean_accuracy_ci": report.clean_accuracy_ci,
        "agreement_ci": report.agreement_ci,
        "subject": _subject(report.subject),
        "sample": {**asdict(known.spec), "kind": known.kind, "classes": known.classes},
        "counts": {
            "attacker pairs": report.attacker_pairs,
            "attacker mixtures": len(known.made),
            "attacker validation pairs": len(known.validation),
            "evaluation samples": report.evaluated,
        },
        "effort": asdict(effort),
        "seed": report.seed,
        "tried": [_tried(each) for each in report.tried],
        "scores": {
            name: {**asdict(best), "sane": best.sane} for name, best in report.scores.items()
        },
        "attributes": {
            name: {
                "best": asdict(report.attributes[name]) if name in report.attributes else None,
                "raw": asdict(report.raw_attributes[name])
                if name in report.raw_attributes
                else None,
                "probes": {
                    probe: asdict(found) for probe, found in report.probed.get(name, {}).items()
                },
            }
            for name in report.evidence.evaluation.attributes
        },
        "examined": {name: asdict(found) for name, found in report.examined.items()},
        "unmeasured": dict(report.unmeasured),
        "untried": {
            group: sorted({*names(group)} - {*getattr(effort, group), *FLOORS})
            for group in ("attacks", "probes", "examinations")
        },
        "verdict": None,
    }
    finite: dict[str, Any] = _finite(plain)
    return finite


def keep(folder: Path, report: Report, about: About) -> dict[str, Any]:
    """Write ``report.json`` and the samples of its pictures to ``folder``.

    Returns:
        What ``report.json`` holds.

    Raises:
        SpecError: the folder is of a forging, which has a ``report.json`` of its own.
    """
    content = to_dict(report, about)
    write(folder, content)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **vars(shown(report)))
    files.write(folder / SAMPLES, buffer.getvalue())
    return content


def write(folder: Path, content: Content) -> None:
    """Write ``folder/report.json``; raises as ``keep``."""
    if (folder / "forge.json").exists():
        raise SpecError(
            f"{folder} is a forge's folder, whose {REPORT} would be lost: choose another for the "
            "audit"
        )
    files.write(folder / REPORT, json.dumps(content, indent=1, allow_nan=False) + "\n")


def read(folder: Path) -> dict[str, Any]:
    """What ``folder/report.json`` holds.

    Raises:
        SpecError: there is none, or it is no audit's.
    """
    path = folder / REPORT
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SpecError(f"{path} cannot be read: give a folder of 'obfnet audit'") from error
    if not isinstance(content, dict) or content.get("form") != FORM:
        raise SpecError(f"{path} is no report of an audit in form {FORM}: audit again")
    return content


def read_samples(folder: Path) -> Shown | None:
    """The samples of a report's pictures, None where they are not kept or damaged."""
    try:
        with np.load(folder / SAMPLES, allow_pickle=False) as held:
            return Shown(**{field.name: held[field.name] for field in fields(Shown)})
    except Exception:  # a damaged archive raises many types; the figures stand without pictures
        return None


def _subject(subject: Subject) -> dict[str, Any]:
    count = max(1, len(subject.members))
    return {
        "name": subject.name,
        "queries": subject.queries,
        "gradients": subject.gradients is not None,
        "obfnets": count,
        "kin": len(subject.kin),
        "mechanism": None if subject.mechanism is None else statement(subject.mechanism, count),
        "cost": None if subject.cost is None else asdict(subject.cost),
        "twin_accuracy": subject.twin_accuracy,
    }


def _tried(tried: Tried) -> dict[str, Any]:
    return {
        **{field.name: getattr(tried, field.name) for field in fields(tried)},
        "leakage": {score: asdict(found) for score, found in tried.leakage.items()},
        "sane": tried.sane,
    }


def _finite(value: Any) -> Any:  # noqa: ANN401  # JSON of any form
    """``value`` in the types of JSON: infinity and NaN, which JSON has not, are None."""
    if isinstance(value, Mapping):
        return {str(key): _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    if isinstance(value, np.generic):
        return _finite(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
