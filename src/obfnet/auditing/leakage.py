"""The leakage scale: 0 is an attacker who learns only the label, 1 is no protection."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from obfnet.auditing.attack import Reconstruction
from obfnet.auditing.intervals import Interval, Values, of_mean_ratio
from obfnet.errors import NotMeasurableError


@dataclass(frozen=True)
class Leakage:
    """How much of x an attack recovers beyond the label: 1 - S_attack / S_label.

    Args:
        value: in [0, 1]; an attack worse than the floor counts as 0, for the attacker would
            answer with the floor instead.
        ci: its 95 % bootstrap interval over evaluation samples, cut at 0 likewise.
        attack_error: mean score of the attack, 0 is perfect.
        floor_error: mean score of the label-only attacker on the same samples.
    """

    value: float
    ci: Interval
    attack_error: float
    floor_error: float


def best_floor(floors: Iterable[Reconstruction], score: str = "mse") -> Reconstruction:
    """The label-only attacker that does best under ``score`` on the attacker's validation pairs.

    Under squared error that is the mean sample of each label, under other scores something else:
    measured against the mean, an attack would seem to leak what the label gives away.
    """
    return min(floors, key=lambda floor: float(floor.validation[score].mean()))


def leakage(
    attack: Reconstruction, floor: Reconstruction, seed: int, score: str = "mse"
) -> Leakage:
    """Put ``attack`` on the leakage scale of ``floor``, which has scored as many or more.

    Args:
        attack: what is measured.
        floor: a label-only attacker; ``best_floor`` of this score where there are several.
        seed: fixes the bootstrap.
        score: name of the distance.

    Raises:
        NotMeasurableError: the label alone gives the samples away, so the scale has no length.
    """
    errors, floors = _paired(attack, floor, score)
    low, high = of_mean_ratio(errors, floors, seed)
    return Leakage(
        recovered(attack, floor, score),
        (max(0.0, 1 - high), max(0.0, 1 - low)),
        float(errors.mean()),
        float(floors.mean()),
    )


def recovered(attack: Reconstruction, floor: Reconstruction, score: str = "mse") -> float:
    """The value of ``leakage`` alone.

    Raises:
        NotMeasurableError: as there.
    """
    errors, floors = _paired(attack, floor, score)
    return max(0.0, 1 - float(errors.mean()) / float(floors.mean()))


def _paired(attack: Reconstruction, floor: Reconstruction, score: str) -> tuple[Values, Values]:
    """Errors of both on the same evaluation samples."""
    errors = attack.scores[score]
    floors = floor.scores[score][: len(errors)]
    if floors.mean() <= 0:
        raise NotMeasurableError(
            "all samples of a label are the same: nothing is left to leak beyond the label"
        )
    return errors, floors


def validated(attack: Reconstruction, floor: Reconstruction, score: str = "mse") -> float:
    """The attack's leakage on the attacker's validation pairs, not cut: to choose by."""
    errors = attack.validation[score]
    floors = float(floor.validation[score][: len(errors)].mean())
    return 1 - float(errors.mean()) / floors if floors > 0 else 0.0
