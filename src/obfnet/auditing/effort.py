"""How hard an audit tries: the presets, and what each of their numbers bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from obfnet.errors import SpecError
from obfnet.forging.loop import Schedule


@dataclass(frozen=True)
class Effort:
    """The budget of every attack of an audit; counts, not seconds, so that a seed fixes all.

    Args:
        name: of the preset.
        attacks: registered names of the reconstructions that are tried.
        probes: registered names of the classifiers that guess private attributes.
        examinations: registered names of what else is measured.
        pairs: the attacker's own pairs at most, and a quarter as many for validation.
        mixtures: an attacker with fewer pairs than this makes more, by mixing its own samples.
        evaluated: evaluation samples at most, drawn at random.
        steps: gradient steps of one trained attack at most.
        batch: samples in a step.
        seeds: independent trainings of each attack; validation pairs choose among them.
        optimised: evaluation samples that an attack works on one by one at most.

    Raises:
        SpecError: a count is below what can be measured with.
    """

    name: str
    attacks: tuple[str, ...]
    probes: tuple[str, ...]
    examinations: tuple[str, ...]
    pairs: int
    mixtures: int
    evaluated: int
    steps: int
    batch: int = 128
    seeds: int = 1
    optimised: int = 64

    def __post_init__(self) -> None:
        least = {
            "pairs": 1, "mixtures": 0, "evaluated": 1, "steps": 1, "batch": 2, "seeds": 1,
            "optimised": 1,
        }  # fmt: skip
        for name, low in least.items():
            if getattr(self, name) < low:
                raise SpecError(f"effort needs {name} >= {low}, got {getattr(self, name)}")

    def schedule(self, count: int, rate: float = 1e-3, share: float = 1.0) -> Schedule:
        """Train on ``count`` samples for a ``share`` of the steps, until validation plateaus."""
        batch = min(self.batch, max(2, count))
        epochs = max(1, round(share * self.steps * batch / max(count, batch)))
        return Schedule(epochs, batch, rate, patience=max(3, epochs // 5))


QUICK = Effort(
    "quick",
    attacks=("mlp", "convolutional", "kernel", "nearest"),
    probes=("mlp", "nearest"),
    examinations=("repeats", "linkability", "detectability", "value-range"),
    pairs=6_000,
    mixtures=6_000,
    evaluated=1_000,
    steps=500,
    optimised=64,
)
STANDARD = Effort(
    "standard",
    attacks=(
        "mlp",
        "convolutional",
        "kernel",
        "nearest",
        "perceptual",
        "similar",
        "optimisation",
        "flow",
        "shadow",
        "pairs-1",
        "pairs-10",
        "pairs-100",
        "pairs-1000",
        "shifted",
        "colours",
        "strokes",
    ),
    probes=("mlp", "trees", "nearest"),
    examinations=(
        "repeats",
        "linkability",
        "detectability",
        "value-range",
        "information",
        "collusion",
        "malicious",
        "listeners",
    ),
    pairs=15_000,
    mixtures=12_000,
    evaluated=2_000,
    steps=1_500,
    optimised=128,
)
FULL = Effort(
    "full",
    attacks=STANDARD.attacks,
    probes=STANDARD.probes,
    examinations=STANDARD.examinations,
    pairs=60_000,
    mixtures=30_000,
    evaluated=10_000,
    steps=20_000,
    seeds=3,
    optimised=512,
)
PRESETS: Mapping[str, Effort] = MappingProxyType(
    {effort.name: effort for effort in (QUICK, STANDARD, FULL)}
)


def preset(effort: str | Effort) -> Effort:
    """The preset of this name, or the effort itself.

    Raises:
        SpecError: there is no such preset.
    """
    if isinstance(effort, Effort):
        return effort
    if effort not in PRESETS:
        raise SpecError(f"no preset {effort!r}, expected one of {', '.join(PRESETS)}")
    return PRESETS[effort]
