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
        best = self._best(places[:few], compared(wanted[:few]), asked, compared(target))
        counts = dict.fromkeys((own, len(places)))  # without the mixtures, and with them
        solved = (self._solve(best, places[:count], wanted[:count]) for count in counts)
        self._solved = min(solved, key=lambda each: _error(each, asked, target))

    def reconstruct(self, released: Samples, answers: Labels) -> Samples:
        """The regression's answer for each x' and label."""
        guess = self._solved(self._places(released, answers)).numpy()
        return np.asarray(guess.reshape(-1, *self._shape))

    def _best(self, places: Tensor, wanted: Tensor, asked: Tensor, target: Tensor) -> _Setting:
        """The setting of the least error at ``asked``; all of a whitening share their distances."""
        errors = {}
        for whitening in dict.fromkeys(each.whitening for each in SETTINGS):
            metric = self._metric(whitening, places)
            own, apart = metric(places), metric(asked)
            for setting in SETTINGS:
                if setting.whitening == whitening:
                    answer = _Solved(setting, metric, own, wanted).at(apart)
                    errors[setting] = float((answer - target).square().mean())
        return min(errors, key=lambda setting: errors[setting])

    def _solve(self, setting: _Setting, places: Tensor, wanted: Tensor) -> _Solved:
        metric = self._metric(setting.whitening, places)
        return _Solved(setting, metric, metric(places), wanted)

    def _metric(self, whitening: float, places: Tensor) -> _Metric:
        deviations = self._components.deviations
        # Directions of hardly any deviation hold rounding errors: they are not blown up.
        return _Metric(deviations.clamp(min=float(1e-2 * deviations[0])) ** whitening, places)

    def _places(self, released: Samples, answers: Labels) -> Tensor:
        return self._components(self._view(released, answers))


class _Metric:
    """Squared distances to given places.

    Args:
        scale: of each component, ``(k,)``.
        places: components of x', ``(n, k)``.
    """

    def __init__(self, scale: Tensor, places: Tensor) -> None:
        self._scale, self._places = scale, places / scale

    def __call__(self, asked: Tensor) -> Tensor:
        """Those of other places ``(m, k)``, ``(m, n)``."""
        return torch.cdist(asked / self._scale, self._places).double().square_()


class _Solved:
    """The regression on given pairs.

    Args:
        setting: of the kernel.
        metric: of the places, ``n`` of them.
        apart: squared distances between them, ``(n, n)``.
        wanted: what stands there, ``(n, q)``.
    """

    def __init__(self, setting: _Setting, metric: _Metric, apart: Tensor, wanted: Tensor) -> None:
        self._metric = metric
        self._mean = wanted.mean(0)
        middle = max(1e-6, float(apart[:500].median()) ** 0.5)
        self._sharpness = -1 / (setting.width * middle) ** 2
        kernel = self._kernel(apart)
        kernel.diagonal().add_(setting.penalty)
        factor = torch.linalg.cholesky(kernel)
        self._weights = torch.cholesky_solve((wanted - self._mean).double(), factor)

    def __call__(self, asked: Tensor) -> Tensor:
        """What stands at other places ``(m, k)``, ``(m, q)``."""
        return torch.cat([self.at(self._metric(some)) for some in asked.split(ROWS)])

    def at(self, apart: Tensor) -> Tensor:
        """What stands at places of these squared distances ``(m, n)``, ``(m, q)``."""
        return self._mean + (self._kernel(apart) @ self._weights).float()

    def _kernel(self, apart: Tensor) -> Tensor:
        kernel: Tensor = (apart * self._sharpness).exp_()
        return kernel


def _error(solved: _Solved, asked: Tensor, wanted: Tensor) -> float:
    return float((solved(asked) - wanted).square().mean())
