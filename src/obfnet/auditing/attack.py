"""The frame of every reconstruction attack: fair by construction, so an attack is one idea."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import numpy as np

from obfnet.auditing.evidence import Evidence, Known, Pairs
from obfnet.auditing.intervals import Values
from obfnet.errors import NotMeasurableError
from obfnet.specs import Labels, Samples, SampleSpec


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """What an attack made of the evaluation samples.

    Args:
        attack: the attack's name.
        samples: x-hat, ``(n, *shape)``, clipped to the value range of a raw sample.
        errors: mean squared error of each evaluation sample, ``(n,)``.
        validation_error: mean squared error on the attacker's validation pairs, the only
            figure by which attacks may be chosen.
    """

    attack: str
    samples: Samples
    errors: Values
    validation_error: float


class Attack(ABC):
    """Reconstructs x from x' and the label; a subclass writes ``fit`` and ``reconstruct``.

    The frame alone sees the originals of the evaluation samples, and only to score.
    """

    name: str

    @abstractmethod
    def fit(self, known: Known, seed: int) -> None:
        """Learn from the attacker's pairs, and choose by their validation part."""

    @abstractmethod
    def reconstruct(self, released: Samples, answers: Labels) -> Samples:
        """x-hat ``(n, *shape)`` of x' ``(n, *shape)`` and labels ``(n,)``."""

    @final
    def __call__(self, evidence: Evidence, seed: int) -> Reconstruction:
        """Fit on the attacker's pairs, then reconstruct the evaluation samples."""
        known = evidence.known
        self.fit(known, seed)
        validation = self._score(known.validation, known.spec)[1]
        samples, errors = self._score(evidence.evaluation, known.spec)
        return Reconstruction(self.name, samples, errors, float(validation.mean()))

    def _score(self, pairs: Pairs, spec: SampleSpec) -> tuple[Samples, Values]:
        guess = self.reconstruct(pairs.released, pairs.answers)
        if not np.isfinite(guess).all():
            raise NotMeasurableError(f"attack {self.name!r} diverged to NaN; lower its rate")
        guess = guess.clip(spec.low, spec.high).astype(np.float32)
        squares = (guess - pairs.originals).astype(np.float64) ** 2
        return guess, squares.reshape(len(pairs), -1).mean(axis=1)
