"""The outcome of an audit: every number with its interval, and what the attack was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from obfnet.auditing.attack import Reconstruction
from obfnet.auditing.effort import Effort
from obfnet.auditing.evidence import Evidence
from obfnet.auditing.examination import Examined
from obfnet.auditing.intervals import Interval
from obfnet.auditing.leakage import Leakage
from obfnet.auditing.probe import Probed
from obfnet.auditing.subject import Subject

#: An attack that recovers less than this of raw samples proves nothing by failing.
SANE = 0.5


@dataclass(frozen=True)
class Tried:
    """How one reconstruction attack did.

    Args:
        attack: its name.
        knows: what this attacker has, in plain words.
        leakage: by score; ``mse`` is the main one.
        validated: leakage by mean squared error on the attacker's validation pairs.
        raw: leakage by mean squared error of the same attack on raw samples.
        evaluated: number of evaluation samples it was judged on.
    """

    attack: str
    knows: str
    leakage: Mapping[str, Leakage]
    validated: float
    raw: float
    evaluated: int

    @property
    def sane(self) -> bool:
        """Whether the attack works where nothing protects: otherwise its failing says nothing."""
        return self.raw >= SANE


@dataclass(frozen=True)
class Best:
    """The best attack under one score, chosen on the attacker's validation pairs.

    Args:
        attack: its name.
        leakage: of it, on evaluation samples.
        raw: leakage of the same attack on raw samples, under the same score.
        floor: name of the label-only attacker it is measured against, chosen likewise.
    """

    attack: str
    leakage: Leakage
    raw: float
    floor: str

    @property
    def sane(self) -> bool:
        """Whether the attack works where nothing protects."""
        return self.raw >= SANE


@dataclass(frozen=True, eq=False)
class Report:
    """What leaks from one transform.

    Args:
        subject: what was audited.
        clean_accuracy: of the InfNet on raw evaluation samples.
        clean_accuracy_ci: its 95 % interval.
        accuracy: of the InfNet on x'.
        accuracy_ci: its 95 % interval.
        agreement: how often the answer for x' equals the answer for x.
        agreement_ci: its 95 % interval.
        scores: the best attack under each score; ``mse`` is the main one, and what follows.
        leakage: of the best attack, chosen on the attacker's validation pairs.
        best_attack: its name.
        raw_leakage: of the same attack on raw samples, the sanity row.
        tried: every reconstruction attack.
        attributes: each private attribute against chance, by the best probe, chosen on
            validation pairs.
        raw_attributes: the same on raw samples.
        examined: what else was measured.
        unmeasured: why a part has no number, by its name.
        reconstruction: x-hat of the evaluation samples by the best attack.
        floor: of the best attacker who knows only the label.
        evidence: what was attacked and with what.
        evaluated: number of evaluation samples.
        attacker_pairs: number of pairs the attacker learnt from.
        effort: the budget of the attacks.
        seed: fixes the attacks.
        seconds: wall time.
        probed: every probe, by attribute and then by its name.
    """

    subject: Subject
    clean_accuracy: float
    clean_accuracy_ci: Interval
    accuracy: float
    accuracy_ci: Interval
    agreement: float
    agreement_ci: Interval
    scores: Mapping[str, Best]
    leakage: Leakage
    best_attack: str
    raw_leakage: float
    tried: tuple[Tried, ...]
    attributes: Mapping[str, Probed]
    raw_attributes: Mapping[str, Probed]
    examined: Mapping[str, Examined]
    unmeasured: Mapping[str, str]
    reconstruction: Reconstruction = field(repr=False)
    floor: Reconstruction = field(repr=False)
    evidence: Evidence = field(repr=False)
    evaluated: int
    attacker_pairs: int
    effort: Effort
    seed: int
    seconds: float
    probed: Mapping[str, Mapping[str, Probed]] = field(default_factory=dict)

    def __str__(self) -> str:
        low, high = self.leakage.ci
        lines = [
            f"accuracy {self.accuracy:.2%} (raw {self.clean_accuracy:.2%})",
            f"leakage  {self.leakage.value:.3f} [{low:.3f}, {high:.3f}] by the "
            f"{self.best_attack} attack, 0 = label only; {self.raw_leakage:.3f} on raw samples",
        ]
        for name, best in self.scores.items():
            if name != "mse":
                low, high = best.leakage.ci
                lines.append(
                    f"{name:8} {best.leakage.value:.3f} [{low:.3f}, {high:.3f}] by the "
                    f"{best.attack} attack; {best.raw:.3f} on raw samples"
                )
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
