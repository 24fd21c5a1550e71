"""The outcome of an audit: every number with its interval, and what the attack was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from obfnet.auditing.attack import Reconstruction
from obfnet.auditing.intervals import Interval
from obfnet.auditing.leakage import Leakage
from obfnet.auditing.probe import Probed

#: An attack that recovers less than this of raw samples is broken, not beaten.
SANE = 0.5


@dataclass(frozen=True, eq=False)
class Report:
    """What leaks from one transform.

    Args:
        clean_accuracy: of the InfNet on raw evaluation samples.
        accuracy: of the InfNet on x'.
        accuracy_ci: its 95 % interval.
        agreement: how often the answer for x' equals the answer for x.
        leakage: of the best attack, chosen on the attacker's validation pairs.
        best_attack: its name.
        raw_leakage: of the same attacks on raw samples, the sanity row.
        attributes: each private attribute against chance.
        reconstruction: x-hat of the evaluation samples by the best attack.
        floor: the label-only attacker's.
        evaluated: number of evaluation samples.
        attacker_pairs: number of pairs the attacker learnt from.
        seconds: wall time of the attacks.
    """

    clean_accuracy: float
    accuracy: float
    accuracy_ci: Interval
    agreement: float
    leakage: Leakage
    best_attack: str
    raw_leakage: float
    attributes: Mapping[str, Probed]
    reconstruction: Reconstruction = field(repr=False)
    floor: Reconstruction = field(repr=False)
    evaluated: int
    attacker_pairs: int
    seconds: float

    def __str__(self) -> str:
        low, high = self.leakage.ci
        lines = [
            f"accuracy {self.accuracy:.2%} (raw {self.clean_accuracy:.2%})",
            f"leakage  {self.leakage.value:.3f} [{low:.3f}, {high:.3f}] by the "
            f"{self.best_attack}, 0 = label only; {self.raw_leakage:.3f} on raw samples",
        ]
        for name, found in self.attributes.items():
            lines.append(f"{name:8} {found.accuracy:.1%} (chance {found.chance:.1%})")
        return "\n".join(lines)

    def row(self) -> dict[str, Any]:
        """The fields of a results row that an audit knows."""
        return {
            "clean_accuracy": self.clean_accuracy,
            "accuracy": self.accuracy,
            "accuracy_ci": list(self.accuracy_ci),
            "drop": self.clean_accuracy - self.accuracy,
            "leakage": self.leakage.value,
            "leakage_ci": list(self.leakage.ci),
            "best_attack": self.best_attack,
            "attributes": {
                name: {**asdict(probed), "accuracy_ci": list(probed.accuracy_ci)}
                for name, probed in self.attributes.items()
            },
        }
