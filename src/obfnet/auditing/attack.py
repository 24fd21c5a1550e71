"""The frame of every reconstruction attack: fair by construction, so an attack is one idea."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, final

import numpy as np

from obfnet.auditing.evidence import Evidence, Known, Pairs
from obfnet.auditing.intervals import Values
from obfnet.auditing.scores import SCORES
from obfnet.errors import NotMeasurableError
from obfnet.specs import Labels, Samples, SampleSpec

#: What an attack cannot do without: samples of its own making sent through the transform, the
#: transform's gradients, or ObfNets of other devices.
Need = Literal["queries", "gradients", "kin"]


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """What an attack made of the evaluation samples.

    Args:
        attack: the attack's name.
        samples: x-hat of the first n evaluation samples ``(n, *shape)``, clipped to the value
            range of a raw sample. An attack that works on one sample at a time stops at
            ``Effort.optimised``, every other one does all.
        scores: of each of them, ``(n,)`` by the name of the score.
        validation: the same on the attacker's first m validation pairs, ``(m,)``: the only
            figures by which attacks may be chosen.
    """

    attack: str
    samples: Samples
    scores: Mapping[str, Values]
    validation: Mapping[str, Values]

    @property
    def errors(self) -> Values:
        """Mean squared error of each evaluation sample, ``(n,)``."""
        return self.scores["mse"]


class Attack(ABC):
    """Reconstructs x from x' and the label; a subclass writes ``fit`` and ``reconstruct``.

    The frame alone sees the originals of the evaluation samples, and only to score.

    Attributes:
        name: registered name, and what tables call it.
        knows: what this attacker has, in plain words.
        needs: what it cannot do without.
        one_by_one: whether it works on one sample at a time, so that it is given fewer.
        floor: whether it looks at the label alone, so that others are measured against it.
    """

    name: ClassVar[str]
    knows: ClassVar[str] = "pairs (x, x') and the label"
    needs: ClassVar[frozenset[Need]] = frozenset()
    one_by_one: ClassVar[bool] = False
    floor: ClassVar[bool] = False

    @abstractmethod
    def fit(self, known: Known, seed: int) -> None:
        """Learn from the attacker's pairs, and choose by their validation part."""

    @abstractmethod
    def reconstruct(self, released: Samples, answers: Labels) -> Samples:
        """x-hat ``(n, *shape)`` of x' ``(n, *shape)`` and labels ``(n,)``."""

    def tailored(self, released: Samples, answers: Labels) -> Mapping[str, Samples]:
        """Other x-hat, by the score that judges them; by default the same under every score.

        What is best under one distance seldom is under another: an attacker who knows by which
        it is judged may answer accordingly.
        """
        return {}

    @final
    def __call__(self, evidence: Evidence, seed: int) -> Reconstruction:
        """Fit on the attacker's pairs, then reconstruct the evaluation samples.

        Raises:
            NotMeasurableError: the subject does not offer what the attack needs, or the attack
                diverged.
            OverlapError: the attacker holds evaluation samples.
        """
        evidence.check_disjoint()
        known = evidence.known
        missing = sorted(self.needs - offers(known))
        if missing:
            raise NotMeasurableError(f"needs {' and '.join(missing)}, which the subject has not")
        self.fit(known, seed)
        most = known.effort.optimised if self.one_by_one else None
        _, validation = self._score(known.validation, known.spec, most)
        samples, scores = self._score(evidence.evaluation, known.spec, most)
        return Reconstruction(self.name, samples, scores, validation)

    def _score(
        self, pairs: Pairs, spec: SampleSpec, most: int | None
    ) -> tuple[Samples, dict[str, Values]]:
        released, answers, originals = (
            pairs.released[:most],
            pairs.answers[:most],
            pairs.originals[:most],
        )
        guess = self._checked(self.reconstruct(released, answers), spec)
        tailored = {
            name: self._checked(other, spec)
            for name, other in self.tailored(released, answers).items()
        }
        scores = {
            name: score(originals, tailored.get(name, guess), spec)
            for name, score in SCORES.items()
        }
        return guess, scores

    def _checked(self, guess: Samples, spec: SampleSpec) -> Samples:
        """``guess`` within the value range."""
        if not np.isfinite(guess).all():
            raise NotMeasurableError(f"attack {self.name!r} diverged to NaN; lower its rate")
        return guess.clip(spec.low, spec.high).astype(np.float32)


def offers(known: Known) -> frozenset[Need]:
    """What the subject lets an attacker do."""
    subject = known.subject
    have: dict[Need, bool] = {
        "queries": subject.queries,
        "gradients": subject.gradients is not None,
        "kin": bool(subject.kin),
    }
    return frozenset(need for need, there in have.items() if there)
