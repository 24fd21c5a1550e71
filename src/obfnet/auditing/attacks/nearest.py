"""No training: answer with what the attacker's own samples with the same or the nearest x' were."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from obfnet.auditing.attack import Attack
from obfnet.auditing.evidence import Known, Pairs
from obfnet.auditing.principal import principal
from obfnet.auditing.view import View
from obfnet.specs import Labels, Samples

#: Numbers of neighbours, and of imagined samples at the label's mean, that are tried.
NEIGHBOURS, SHRINKAGES = (1, 2, 4, 8, 16, 32, 64), (0.0, 1.0, 4.0, 16.0)
#: Numbers of x' that distances are taken in, and rows whose distances are held at once.
COMPONENTS, ROWS = 128, 256
#: Validation pairs that choose.
HELD = 1_000


@dataclass(frozen=True)
class _Choice:
    neighbours: int
    shrinkage: float
    whitened: bool


class NearestPairs(Attack):
    """Mean of the k nearest pairs, pulled towards the label's mean; of all ties where x' ties.

    Nearest-neighbour regression tends to the conditional mean, the best answer there is, whatever
    the transform does (Stone, Annals of Statistics 1977). Where x' is one of few rows, as of a
    codebook, the mean of all pairs with exactly this x' and label is that answer itself.
    Neighbours, pull, and whether rare directions of x' count as much as common ones are chosen on
    validation pairs.
    """

    name = "nearest"

    def fit(self, known: Known, seed: int) -> None:
        """Keep the attacker's pairs, and choose by validation pairs."""
        train = known.train
        self._shape = known.spec.shape
        self._originals = train.originals.reshape(len(train), -1)
        self._means = _label_means(train, known.classes)
        self._ties = _ties(train)
        self._view = View(train.released, known.classes)
        seen = self._view(train.released, train.answers)
        self._components = principal(seen, COMPONENTS, seed)
        self._places = self._components(seen)
        count = min(HELD, len(known.validation))
        self._choice = self._chosen(known.validation.take(np.arange(count)))

    def reconstruct(self, released: Samples, answers: Labels) -> Samples:
        """The chosen mean for each x' and label."""
        choice, whole = self._choice, []
        for start in range(0, len(released), ROWS):
            part = slice(start, start + ROWS)
            near = self._nearest(released[part], answers[part], choice.whitened)
            group = self._groups(released[part], answers[part], near, choice.neighbours)
            whole.append(self._pulled(*group, answers[part], choice.shrinkage))
        return np.concatenate(whole).reshape(-1, *self._shape)

    def _chosen(self, held: Pairs) -> _Choice:
        """Of all choices, the one with the least squared error on ``held``."""
        wanted, errors = held.originals.reshape(len(held), -1), dict[_Choice, float]()
        for whitened in (False, True):
            for start in range(0, len(held), ROWS):
                part = slice(start, start + ROWS)
                released, answers = held.released[part], held.answers[part]
                near = self._nearest(released, answers, whitened)
                for neighbours in NEIGHBOURS:
                    group = self._groups(released, answers, near, neighbours)
                    for shrinkage in SHRINKAGES:
                        guess = self._pulled(*group, answers, shrinkage)
                        choice = _Choice(neighbours, shrinkage, whitened)
                        error = float(np.square(guess - wanted[part]).sum())
                        errors[choice] = errors.get(choice, 0.0) + error
        return min(errors, key=lambda choice: errors[choice])

    def _nearest(self, released: Samples, answers: Labels, whitened: bool) -> Labels:
        """Indices of the nearest pairs, ``(n, most)``, nearest first."""
        most = min(NEIGHBOURS[-1], len(self._originals))
        asked, places = self._components(self._view(released, answers)), self._places
        if whitened:
            # Directions of hardly any deviation hold rounding errors: they are not blown up.
            deviations = self._components.deviations
            scale = deviations.clamp(min=float(1e-3 * deviations[0]))
            asked, places = asked / scale, places / scale
        found: Tensor = torch.cdist(asked, places).topk(most, largest=False).indices
        return found.numpy()

    def _groups(
        self, released: Samples, answers: Labels, near: Labels, neighbours: int
    ) -> tuple[Samples, npt.NDArray[np.float32]]:
        """Sum over the pairs that speak for each x', ``(n, size)``, and their number ``(n, 1)``."""
        sums = self._originals[near[:, :neighbours]].sum(axis=1)
        counts = np.full((len(released), 1), min(neighbours, near.shape[1]), np.float32)
        for row, key in enumerate(_keys(released, answers)):
            total, count = self._ties.get(key, (None, 0))
            if total is not None and count >= neighbours:
                sums[row], counts[row] = total, count
        return sums, counts

    def _pulled(
        self, sums: Samples, counts: npt.NDArray[np.float32], answers: Labels, shrinkage: float
    ) -> Samples:
        mean: Samples = (sums + shrinkage * self._means[answers]) / (counts + shrinkage)
        return mean


def _label_means(pairs: Pairs, classes: int) -> Samples:
    """Mean flat sample of each label, ``(classes, size)``; of all samples where none has it."""
    flat = pairs.originals.reshape(len(pairs), -1)
    means = np.repeat(flat.mean(axis=0)[None], classes, axis=0)
    for label in np.unique(pairs.answers):
        means[label] = flat[pairs.answers == label].mean(axis=0)
    return means


def _ties(pairs: Pairs) -> dict[bytes, tuple[Samples, int]]:
    """Sum and number of the originals of each x' and label that occurs more than once."""
    members: dict[bytes, list[int]] = {}
    for index, key in enumerate(_keys(pairs.released, pairs.answers)):
        members.setdefault(key, []).append(index)
    flat = pairs.originals.reshape(len(pairs), -1)
    return {
        key: (flat[indices].sum(axis=0, dtype=np.float64).astype(np.float32), len(indices))
        for key, indices in members.items()
        if len(indices) > 1
    }


def _keys(released: Samples, answers: Labels) -> list[bytes]:
    """The bytes of each x' with its label."""
    return [
        one.tobytes() + bytes([0]) + str(label).encode()
        for one, label in zip(released, answers, strict=True)
    ]
