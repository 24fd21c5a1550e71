"""Several audits side by side: what each costs in accuracy, and what it leaks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from obfnet.auditing import report_json
from obfnet.auditing.pages.figures import ABSENT, count, leakage, points, share
from obfnet.errors import SpecError

Row = Mapping[str, Any]
RESULTS = "results.json"


@dataclass(frozen=True)
class Compared:
    """One transform of a comparison.

    Args:
        name: in table and plot, with no other the same.
        row: in the one form of results.
        source: folder or file it was read from.
        effort: of the attacks, "" where only a row is known.
        verdict: "pass", "fail", or "" where it was not judged.
    """

    name: str
    row: Row
    source: Path
    effort: str = ""
    verdict: str = ""

    @property
    def accuracy(self) -> float:
        """Of the InfNet on x'."""
        return float(self.row["accuracy"])

    @property
    def leakage(self) -> float:
        """Of the best attack."""
        return float(self.row["leakage"])


def gather(places: Sequence[Path]) -> tuple[Compared, ...]:
    """What is at ``places``: folders of audits, or files of results with rows of transforms.

    Raises:
        SpecError: a place holds neither, or all together hold no transform.
    """
    found = [each for place in places for each in _at(place)]
    if not found:
        raise SpecError("there is nothing to compare: no row has accuracy and leakage")
    times = Counter(each.name for each in found)
    unique: dict[str, Compared] = {}
    for each in found:
        name = each.name if times[each.name] == 1 else f"{each.name} ({each.source.name})"
        while name in unique:
            name += "'"
        unique[name] = replace(each, name=name)
    return tuple(unique.values())


def front(compared: Sequence[Compared]) -> tuple[Compared, ...]:
    """Those that no other beats in accuracy and leakage together, by ascending leakage."""

    def beaten(one: Compared) -> bool:
        return any(
            other.accuracy >= one.accuracy
            and other.leakage <= one.leakage
            and (other.accuracy, other.leakage) != (one.accuracy, one.leakage)
            for other in compared
        )

    left = [each for each in compared if not beaten(each)]
    return tuple(sorted(left, key=lambda each: (each.leakage, each.accuracy)))


def cautions(compared: Sequence[Compared]) -> list[str]:
    """Why figures of ``compared`` may not be comparable, in words."""
    said = []
    for key in ("dataset", "split", "infnet"):
        values = sorted({str(each.row.get(key, "unknown")) for each in compared})
        if len(values) > 1:
            said.append(f"The {key} differs ({', '.join(values)}): figures are not comparable.")
    efforts = sorted({each.effort or "unknown" for each in compared})
    if len(efforts) > 1:
        said.append(
            f"The attackers' effort differs ({', '.join(efforts)}): more effort finds more."
        )
    return said


def _attributes(row: Row) -> str:
    found = row.get("attributes", {}).items()
    return (
        ", ".join(
            f"{name} {share(each['accuracy'])} (chance {share(each['chance'])})"
            for name, each in found
        )
        or ABSENT
    )


def _bits(row: Row) -> str:
    bits = row.get("certified_bits")
    return "none" if bits is None else f"{bits:.2f}"


#: Of every table of a comparison: titles, and how the cell of a row is written.
COLUMNS: Mapping[str, Callable[[Row], str]] = MappingProxyType(
    {
        "accuracy [95 %]": lambda row: share(row["accuracy"], row.get("accuracy_ci")),
        "drop": lambda row: points(row.get("drop")),
        "leakage [95 %]": lambda row: leakage(row["leakage"], row.get("leakage_ci")),
        "best attack": lambda row: str(row.get("best_attack", ABSENT)),
        "private attributes": _attributes,
        "certified bits": _bits,
        "local twin": lambda row: share(row.get("twin_accuracy")),
        "learned values": lambda row: count(row.get("params")),
        "MACs": lambda row: count(row.get("macs")),
        "bytes": lambda row: count(row.get("bytes")),
    }
)


def _at(place: Path) -> list[Compared]:
    if (place / report_json.REPORT).exists():
        content = report_json.read(place)
        judged = content["verdict"]
        verdict = "" if judged is None else "pass" if judged["passed"] else "fail"
        return [
            Compared(
                content["subject"]["name"],
                content["row"],
                place,
                content["effort"]["name"],
                verdict,
            )
        ]
    path = place / RESULTS if place.is_dir() else place
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
        return [
            Compared(str(row["obfnet"]), row, path.parent)
            for row in rows
            if {"obfnet", "accuracy", "leakage"} <= row.keys()
        ]
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise SpecError(
            f"{place} holds no report of an audit and no rows of results ({error!r}): give a "
            f"folder of 'obfnet audit' or a {RESULTS}"
        ) from error
