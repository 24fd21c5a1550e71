"""Kernel ridge regression from x' to x: exact, untrained, and hard to beat with few pairs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from torch import Tensor

from obfnet.auditing.attack import Attack
from obfnet.auditing.evidence import Known
from obfnet.auditing.principal import principal
from obfnet.auditing.view import View
from obfnet.errors import NotMeasurableError
from obfnet.specs import Labels, Samples

#: Pairs at most, and those by which a setting is chosen: time grows with the cube.
PAIRS, FEW = 6_000, 1_500
#: Validation pairs that choose, and components of x that settings are compared on.
HELD, COMPARED = 1_000, 64
#: Components of x' at most: an ObfNet's bottleneck is narrower.
COMPONENTS = 512
#: Rows that are answered at once: bounds memory.
ROWS = 1_024


@dataclass(frozen=True)
class _Setting:
    """A Gaussian kernel.

    Args:
        whitening: 0 leaves components of x' as they are, 1 gives all the same deviation.
        width: in median distances.
        penalty: of the squared norm.
    """

    whitening: float
    width: float
    penalty: float


SETTINGS = tuple(
    _Setting(*each)
    for each in product((0.0, 0.5, 1.0), (0.5, 1.0, 2.0, 4.0), (1e-4, 1e-2, 1e-1, 1.0))
)


class KernelRidge(Attack):
    """White-box attacker with pairs: Gaussian-kernel ridge regression on components of x'.

    The posterior mean of a Gaussian process (Rasmussen and Williams 2006). Smooths where pairs are
    scarce, which nets that are trained on as few do badly. Whitening, width and penalty are chosen
    on validation pairs, and whether the attacker's mixtures take part.
    """

    name = "kernel"

    def fit(self, known: Known, seed: int) -> None:
        """Choose a setting with few pairs, then solve with many.

        Raises:
            NotMeasurableError: x' never varies, so no kernel tells two of them apart.
        """
        train, made, validation = known.train, known.made, known.validation
        self._shape = known.spec.shape
        released = np.concatenate([train.released, made.released])[:PAIRS]
        answers = np.concatenate([train.answers, made.answers])[:PAIRS]
        originals = np.concatenate([train.originals, made.originals])[:PAIRS]
        self._view = View(released, known.classes)
        rows = self._view(released, answers)
        self._components = principal(rows, COMPONENTS, seed)
        if not len(self._components.deviations):
            raise NotMeasurableError("x' and the label never vary: there is nothing to compare")
        places = self._components(rows)
        wanted = torch.from_numpy(originals.reshape(len(originals), -1))
        held = min(HELD, len(validation))
        asked = self._places(validation.released[:held], validation.answers[:held])
        target = torch.from_numpy(validation.originals[:held].reshape(held, -1))
        own = min(len(train), PAIRS)
        few, compared = min(FEW, own), principal(wanted, COMPARED, seed)
        tried = (
            _Solved(setting, self._components.deviations, places[:few], compared(wanted[:few]))
            for setting in SETTINGS
        )
        seen = compared(target)
        best = min(tried, key=lambda solved: _error(solved, asked, seen)).setting
        counts = dict.fromkeys((own, len(places)))  # without the mixtures, and with them
        solved = (
            _Solved(best, self._components.deviations, places[:count], wanted[:count])
            for count in counts
        )
        self._solved = min(solved, key=lambda each: _error(each, asked, target))

    def reconstruct(self, released: Samples, answers: Labels) -> Samples:
        """The regression's answer for each x' and label."""
        guess = self._solved(self._places(released, answers)).numpy()
        return np.asarray(guess.reshape(-1, *self._shape))

    def _places(self, released: Samples, answers: Labels) -> Tensor:
        return self._components(self._view(released, answers))


class _Solved:
    """The regression on given pairs.

    Args:
        setting: of the kernel.
        deviations: of the components of x', ``(k,)``.
        places: components of x', ``(n, k)``.
        wanted: what stands there, ``(n, q)``.
    """

    def __init__(
        self, setting: _Setting, deviations: Tensor, places: Tensor, wanted: Tensor
    ) -> None:
        self.setting = setting
        # Directions of hardly any deviation hold rounding errors: they are not blown up.
        self._scale = deviations.clamp(min=float(1e-2 * deviations[0])) ** setting.whitening
        self._places = places / self._scale
        self._mean = wanted.mean(0)
        distances = torch.cdist(self._places, self._places).double()
        self._width = setting.width * max(1e-6, float(distances[:500].median()))
        kernel = self._kernel(distances)
        kernel.diagonal().add_(setting.penalty)
        factor = torch.linalg.cholesky(kernel)
        self._weights = torch.cholesky_solve((wanted - self._mean).double(), factor)

    def __call__(self, asked: Tensor) -> Tensor:
        """What stands at other places ``(m, k)``, ``(m, q)``."""
        parts = []
        for some in asked.split(ROWS):
            distances = torch.cdist(some / self._scale, self._places).double()
            parts.append(self._mean + (self._kernel(distances) @ self._weights).float())
        return torch.cat(parts)

    def _kernel(self, distances: Tensor) -> Tensor:
        return (-((distances / self._width) ** 2)).exp_()


def _error(solved: _Solved, asked: Tensor, wanted: Tensor) -> float:
    return float((solved(asked) - wanted).square().mean())
