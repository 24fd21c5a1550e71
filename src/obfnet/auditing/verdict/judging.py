"""The verdict: which criteria a report meets, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from obfnet.auditing.verdict.criteria import Named
from obfnet.auditing.verdict.criterion import Content


@dataclass(frozen=True)
class Judged:
    """How one criterion came out.

    Args:
        name: of the criterion.
        text: what must hold, as it was written.
        on: what of an interval was judged, "bound" or "value".
        passed: whether it counts as met.
        holds: whether it holds; None where it could not be measured.
        why: the figures that say so.
    """

    name: str
    text: str
    on: str
    passed: bool
    holds: bool | None
    why: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """Every criterion judged; the report passes if each one does."""

    judged: tuple[Judged, ...]

    @property
    def passed(self) -> bool:
        """Whether every criterion is met."""
        return all(each.passed for each in self.judged)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        plain = [{**asdict(each), "why": list(each.why)} for each in self.judged]
        return {"passed": self.passed, "criteria": plain}

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Verdict:
        """The verdict that ``to_dict`` wrote."""
        return cls(
            tuple(Judged(**each | {"why": tuple(each["why"])}) for each in plain["criteria"])
        )

    def __str__(self) -> str:
        lines = ["PASS" if self.passed else "FAIL"]
        for each in self.judged:
            word = "pass" if each.passed else "FAIL"
            note = " (not measurable)" if each.holds is None else ""
            lines += [f"  {word} {each.name}: {each.text}{note}"]
            lines += [f"       {why}" for why in each.why]
        return "\n".join(lines)


def judge(content: Content, criteria: Sequence[Named]) -> Verdict:
    """Judge a report by ``criteria``.

    What cannot be measured is not met, unless it is optional.

    Args:
        content: of ``report.json``, see ``auditing.report_json``.
        criteria: what must hold.
    """
    judged = []
    for each in criteria:
        found = each.criterion.judge(content, each.on)
        passed = each.optional if found.holds is None else found.holds
        judged.append(
            Judged(
                each.name, each.text or str(each.criterion), each.on, passed, found.holds, found.why
            )
        )
    return Verdict(tuple(judged))
