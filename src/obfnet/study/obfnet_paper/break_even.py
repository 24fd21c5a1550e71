"""From which data rate on a remote InfNet answers sooner than a local one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from obfnet.study.obfnet_paper.timed_nets import CaseStudy

Row = dict[str, Any]
#: What the paper says of all three case studies.
PAPER_MBIT_S = 15.0


def least_rate(kilobytes: float, local: float, obfuscated: float, remote: float) -> float | None:
    """Mbit/s above which sending is sooner done, or None where it never is.

    Args:
        kilobytes: 1,000 bytes, of one request.
        local: milliseconds of the InfNet on the device.
        obfuscated: milliseconds of the ObfNet on the device.
        remote: milliseconds from a request that has arrived to its answer.
    """
    left = local - obfuscated - remote
    return None if left <= 0 else 8 * kilobytes / left


def break_even(case: CaseStudy, rows: Sequence[Row]) -> list[Row]:
    """Rows from the times in ``rows`` of one case, and from the paper's own times."""
    local = _value(rows, "Table III")
    remote = next(row["value"] for row in rows if row.get("batch") == 1)
    size = next(row["request_bytes"] for row in rows if "request_bytes" in row) / 1e3
    theirs = least_rate(
        case.kilobytes, case.infnet_on_coral[1], case.obfnet_on_coral[1], case.infnet_on_jetson[1]
    )
    found = [
        _row(
            case,
            "the paper's times and bytes",
            theirs,
            f"by its own times {theirs:.2g} Mbit/s are enough: its {PAPER_MBIT_S:g} are "
            "sufficient and not necessary"
            if theirs
            else "",
        )
    ]
    for row in rows:
        if row["figure"] == "Table I" and row["precision"] == "float32":
            rate = least_rate(size, local, row["value"], remote)
            why = f"local {local:.3g} ms, ObfNet {row['value']:.3g} ms, backend {remote:.3g} ms"
            if rate is None:
                why += ": never; device and backend are the same processor here"
            found.append(_row(case, f"here, {row['obfnet']}", rate, why))
    return found


def _row(case: CaseStudy, subject: str, rate: float | None, differs: str) -> Row:
    return {
        "bench": "obfnet",
        "figure": "break-even",
        "dataset": case.data,
        "subject": f"least data rate at which remote is sooner: {subject}",
        "unit": "Mbit/s",
        "value": rate if rate is None else round(rate, 4),
        "baseline": "the paper, all case studies",
        "baseline_value": PAPER_MBIT_S,
        "differs": differs,
    }


def _value(rows: Sequence[Row], figure: str) -> float:
    return float(next(row["value"] for row in rows if row["figure"] == figure))
