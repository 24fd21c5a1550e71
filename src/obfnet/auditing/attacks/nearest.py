"""No training: correct a plain guess by how it failed on pairs with the same or the nearest x'."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from obfnet.auditing.attack import Attack
from obfnet.auditing.evidence import Known, Pairs
from obfnet.auditing.linear import bounded_ridge
from obfnet.auditing.principal import principal
from obfnet.auditing.view import View
from obfnet.specs import Labels, Samples

#: Numbers of neighbours, and of imagined ones at which the plain guess was right, that are tried.
NEIGHBOURS, SHRINKAGES = (1, 2, 4, 8, 16, 32, 64), (0.0, 1.0, 4.0, 16.0)
#: Numbers of x' that distances are taken in, and rows whose distances are held at once.
COMPONENTS, ROWS = 128, 256
#: Validation pairs that choose.
HELD = 1_000

#: x' and labels to a plain guess, ``(n, size)``.
Guess = Callable[[Samples, Labels], Samples]


@dataclass(frozen=True)
class _Choice:
    plain: int  # which plain guess
    whitened: bool  # whether rare directions of x' count as much as common ones
    neighbours: int
    shrinkage: float


class NearestPairs(Attack):
    """A plain guess, corrected by its mean error on the k nearest pairs, or on all ties.

    The plain guess is the label's mean or a linear map of x'. Nearest-neighbour regression tends
    to the conditional mean, the best answer there is, whatever the transform does (Stone, Annals of
    Statistics 1977). Where x' is one of few rows, as of a codebook, the mean of all pairs with
    exactly this x' and label is that answer itself, and both plain guesses cancel out. All choices
    are made on validation pairs.
    """

    name = "nearest"

    def fit(self, known: Known, seed: int) -> None:
        """Keep the attacker's pairs and how the plain guesses fail on them; then choose."""
        train, held = known.train, known.validation
        held = held.take(np.arange(min(HELD, len(held))))
        self._shape = known.spec.shape
        self._view = View(train.released, known.classes)
        seen, flat = self._view(train.released, train.answers), _flat(train)
        linear = bounded_ridge(
            seen,
            torch.from_numpy(flat),
            self._view(held.released, held.answers),
            torch.from_numpy(_flat(held)),
            len(train),
            seed,
        )
        means = _label_means(train, known.classes)

        def by_linear(released: Samples, answers: Labels) -> Samples:
            with torch.inference_mode():
                guess: Samples = linear(self._view(released, answers)).numpy()
            return guess

        self._plain: tuple[Guess, ...] = (lambda _, answers: means[answers], by_linear)
        self._failures = [flat - plain(train.released, train.answers) for plain in self._plain]
        self._ties = [_ties(train, failures) for failures in self._failures]
        self._components = principal(seen, COMPONENTS, seed)
        self._places = self._components(seen)
        self._choice = self._chosen(held)

    def reconstruct(self, released: Samples, answers: Labels) -> Samples:
        """The plain guess and its correction for each x' and label."""
        choice, whole = self._choice, []
        for part in _parts(released, answers):
            near = self._nearest(part, choice.whitened)[:, : choice.neighbours]
            sums, counts = self._failed(part, near, choice.plain)
            whole.append(self._plain[choice.plain](*part) + sums / (counts + choice.shrinkage))
        return np.concatenate(whole).reshape(-1, *self._shape)

    def _chosen(self, held: Pairs) -> _Choice:
        """Of all choices, the one with the least squared error on ``held``."""
        errors, done, wanted = dict[_Choice, float](), 0, _flat(held)
        for part in _parts(held.released, held.answers):
            target = wanted[done : done + ROWS]
            done += ROWS
            guesses = [plain(*part) for plain in self._plain]
            for whitened in (False, True):
                near = self._nearest(part, whitened)
                for (plain, guess), most in product(enumerate(guesses), NEIGHBOURS):
                    sums, counts = self._failed(part, near[:, :most], plain)
                    for shrinkage in SHRINKAGES:
                        choice = _Choice(plain, whitened, most, shrinkage)
                        answer = guess + sums / (counts + np.float32(shrinkage))
                        error = float(np.square(answer - target).sum())
                        errors[choice] = errors.get(choice, 0.0) + error
        return min(errors, key=lambda choice: errors[choice])

    def _nearest(self, part: tuple[Samples, Labels], whitened: bool) -> Labels:
        """Indices of the nearest pairs, ``(n, most)``, nearest first."""
        most = min(NEIGHBOURS[-1], len(self._places))
        asked, places = self._components(self._view(*part)), self._places
        if whitened and len(self._components.deviations):
            # Directions of hardly any deviation hold rounding errors: they are not blown up.
            deviations = self._components.deviations
            scale = deviations.clamp(min=float(1e-3 * deviations[0]))
            asked, places = asked / scale, places / scale
        found: Tensor = torch.cdist(asked, places).topk(most, largest=False).indices
        return found.numpy()

    def _failed(
        self, part: tuple[Samples, Labels], near: Labels, plain: int
    ) -> tuple[Samples, npt.NDArray[np.float32]]:
        """How a plain guess failed on the pairs that speak for each x'.

        Returns:
            The sum ``(n, size)``, and over how many ``(n, 1)``.
        """
        sums: Samples = self._failures[plain][near].sum(axis=1)
        counts = np.full((len(near), 1), near.shape[1], np.float32)
        for row, key in enumerate(_keys(*part)):
            tied = self._ties[plain].get(key)
            if tied is not None and tied[1] > near.shape[1]:
                sums[row], counts[row] = tied
        return sums, counts


def _flat(pairs: Pairs) -> Samples:
    return pairs.originals.reshape(len(pairs), -1)


def _parts(released: Samples, answers: Labels) -> list[tuple[Samples, Labels]]:
    starts = range(0, len(released), ROWS)
    return [(released[start : start + ROWS], answers[start : start + ROWS]) for start in starts]


def _label_means(pairs: Pairs, classes: int) -> Samples:
    """Mean flat sample of each label, ``(classes, size)``; of all samples where none has it."""
    flat = _flat(pairs)
    means = np.repeat(flat.mean(axis=0)[None], classes, axis=0)
    for label in np.unique(pairs.answers):
        means[label] = flat[pairs.answers == label].mean(axis=0)
    return means


def _ties(pairs: Pairs, failures: Samples) -> dict[bytes, tuple[Samples, int]]:
    """Sum and number of the failures at each x' and label that occurs more than once."""
    members: dict[bytes, list[int]] = {}
    for index, key in enumerate(_keys(pairs.released, pairs.answers)):
        members.setdefault(key, []).append(index)
    return {
        key: (failures[indices].sum(axis=0), len(indices))
        for key, indices in members.items()
        if len(indices) > 1
    }


def _keys(released: Samples, answers: Labels) -> list[bytes]:
    """The bytes of each label and x'."""
    pairs = zip(released, answers.astype(np.int64), strict=True)
    return [label.tobytes() + one.tobytes() for one, label in pairs]
