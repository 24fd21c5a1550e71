"""Rows of audited subjects: what leaks, by every attack that was tried, beside what it costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from html import escape
from types import MappingProxyType
from typing import Any

from obfnet.auditing.report import Report
from obfnet.mechanisms.certificate import least_bits
from obfnet.study.making import Workplace

Row = Mapping[str, Any]


def row(place: Workplace, report: Report) -> dict[str, Any]:
    """One results row with everything that an audit found in numbers."""
    subject = report.subject
    found: dict[str, Any] = {
        "dataset": place.data.name,
        "split": place.case.split_label,
        "infnet": place.case.infnet_label,
        "obfnet": subject.name,
        "seeds": [place.seed],
        **report.row(),
        "agreement": report.agreement,
        "raw_leakage": report.raw_leakage,
        "effort": report.effort.name,
        "evaluated": report.evaluated,
        "attacker_pairs": report.attacker_pairs,
        "tried": [
            {
                "attack": tried.attack,
                "knows": tried.knows,
                "validated": tried.validated,
                "raw": tried.raw,
                "evaluated": tried.evaluated,
                "leakage": {name: asdict(each) for name, each in tried.leakage.items()},
            }
            for tried in report.tried
        ],
        "examined": {name: asdict(each) for name, each in report.examined.items()},
        "unmeasured": dict(report.unmeasured),
    }
    if subject.cost is not None:
        found |= asdict(subject.cost)
    if subject.twin_accuracy is not None:
        found["twin_accuracy"] = subject.twin_accuracy
    if subject.mechanism is not None:
        certificate = subject.mechanism.certificate()
        minimum = least_bits(len(place.data.classes), report.accuracy)
        found |= {
            "mechanism": subject.mechanism.name,
            "mechanism_args": dict(vars(subject.mechanism)),
            "certified_bits": certificate.bits if certificate.certified else None,
            "excess_bits": certificate.bits - minimum if certificate.certified else None,
        }
    plain: dict[str, Any] = _finite(found)
    return plain


def _finite(value: Any) -> Any:  # noqa: ANN401  # any JSON
    """``value`` for JSON, which knows neither infinity nor NaN: both become null."""
    if isinstance(value, Mapping):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _greatest(score: str) -> Callable[[Row], str]:
    """Greatest leakage by ``score`` over all attacks: at least what an attacker can choose."""
    return lambda row: f"{max(each['leakage'][score]['value'] for each in row['tried']):.3f}"


def _measured(
    examination: str, word: str, worst: Callable[[list[float]], float], form: str
) -> Callable[[Row], str]:
    """The worst of an examination's measures whose name holds ``word``."""

    def write(row: Row) -> str:
        measures = row["examined"][examination]["measures"]
        values = [each["value"] for each in measures if word in each["name"]]
        return f"{worst(values):{form}}" if values else "-"

    return write


def _attributes(row: Row) -> str:
    return ", ".join(
        f"{name} {each['accuracy']:.0%} (chance {each['chance']:.0%}, label "
        f"{each['label_only']:.0%})"
        for name, each in row["attributes"].items()
    )


#: What a table of audits shows. Of several figures of an examination it is the attacker's best.
AUDITED: Mapping[str, Callable[[Row], str]] = MappingProxyType(
    {
        "data": lambda row: row["dataset"],
        "samples sent": lambda row: row["obfnet"],
        "accuracy [95 %]": lambda row: (
            f"{row['accuracy']:.2%} [{row['accuracy_ci'][0]:.2%}, {row['accuracy_ci'][1]:.2%}]"
        ),
        "drop": lambda row: f"{100 * row['drop']:+.2f} pt",
        "leakage [95 %]": lambda row: (
            f"{row['leakage']:.3f} [{row['leakage_ci'][0]:.3f}, {row['leakage_ci'][1]:.3f}]"
        ),
        "best attack": lambda row: row["best_attack"],
        "by SSIM": _greatest("ssim"),
        "by pyramid": _greatest("pyramid"),
        "private attributes": _attributes,
        "least EER": _measured("linkability", "EER", min, ".1%"),
        "greatest AUC": _measured("detectability", "AUC", max, ".3f"),
        "certified bits": lambda row: f"{row['certified_bits']:.2f}",
        "local twin": lambda row: f"{row['twin_accuracy']:.2%}",
        "parameters": lambda row: f"{row['params']:,}",
        "MACs": lambda row: f"{row['macs']:,}",
    }
)


def attacks_table(rows: Sequence[Row]) -> str:
    """Leakage by squared error of every attack on every subject, as an HTML table."""
    names = sorted({each["attack"] for row in rows for each in row["tried"]})
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in ("data", "sent", *names))
    body = ""
    for row in rows:
        found = {each["attack"]: each for each in row["tried"]}
        cells = [f"{found[name]['leakage']['mse']['value']:.3f}" if name in found else "-"
                 for name in names]  # fmt: skip
        body += "<tr>" + "".join(
            f"<td>{escape(cell)}</td>" for cell in (row["dataset"], row["obfnet"], *cells)
        )
        body += "</tr>"
    return (
        "<h2>Every attack</h2><p>Leakage by squared error; the row of raw samples tells whether an "
        f"attack works at all.</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
        f"</table>{_unmeasured(rows)}"
    )


def _unmeasured(rows: Sequence[Row]) -> str:
    """What has no number, and why."""
    lines = "".join(
        f"<li>{escape(row['dataset'])}, {escape(row['obfnet'])}, {escape(part)}: {escape(why)}</li>"
        for row in rows
        for part, why in row["unmeasured"].items()
    )
    return f"<h2>Not measurable</h2><ul>{lines}</ul>" if lines else ""
