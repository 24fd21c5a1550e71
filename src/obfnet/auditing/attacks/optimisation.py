"""White-box inversion: search for the x whose x' was seen, starting from a decoder's answer."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from obfnet.auditing.attack import Attack
from obfnet.auditing.attacks.backward import backward
from obfnet.auditing.attacks.match import Match, matching
from obfnet.auditing.attacks.mlp import MlpDecoder
from obfnet.auditing.attacks.spread import spread_of
from obfnet.auditing.evidence import Known, Pairs
from obfnet.seeds import branch
from obfnet.specs import Labels, Samples


@dataclass(frozen=True)
class Weights:
    """How much each term counts beside the match, whose scale is the variance of x'.

    Args:
        pull: of the mean square of how many standard deviations x-hat has left the decoder's
            answer.
        rough: of roughness: total variation of a picture, squared steps in time of an MFCC.
    """

    pull: float
    rough: float


#: All are tried at once on validation pairs; noisy transforms want a strong pull.
GRID = tuple(Weights(pull, 0.0) for pull in (1.0, 0.1, 1e-2, 1e-3, 1e-5)) + tuple(
    Weights(pull, rough) for pull in (1e-2, 1e-4) for rough in (3e-2,)
)
#: Draws averaged where the transform is random (expectation over transformation; Athalye,
#: Engstrom, Ilyas and Kwok, ICML 2018).
DRAWS = 8
#: Samples that the weights are chosen on at most.
_TUNED = 32
_RATE = 0.1


class Optimisation(Attack):
    """Maximum a posteriori: min over z of match(T(x-hat), x') + pull |z|^2 + rough * roughness.

    x-hat = d + L z, where d is a decoder's answer and L L^T the covariance of its errors on
    held-out pairs: z = 1 is one typical error, so the search goes where the decoder is unsure,
    and costs nothing where it is sure. It catches transforms that are hard to *learn* to invert
    and easy to invert. Adam on all samples at once (Fredrikson et al., CCS 2015; total variation:
    Mahendran and Vedaldi, CVPR 2015).

    Weights, and how far to go from the decoder's answer to the optimum, are chosen on validation
    pairs, so that it is no worse than the decoder but for chance.
    """

    name = "optimisation"
    knows = "pairs (x, x'), the label, and the transform's weights, so its gradients"
    needs = frozenset({"gradients"})
    one_by_one = True
    #: The attack whose answer it starts from.
    decoder: ClassVar[Callable[[], Attack]] = MlpDecoder

    def fit(self, known: Known, seed: int) -> None:
        """Train the decoder, measure its errors, and choose weights on validation pairs."""
        self._known, self._seed = known, seed
        self._start = type(self).decoder()
        self._start.fit(known, branch(seed, "decoder"))
        self._gradients = backward(known, branch(seed, "backward"))
        self._match: Match = matching(known.train.released)
        held = known.validation
        # The last ones: the first are those that the frame scores attacks by.
        tuned = min(_TUNED, known.effort.optimised, max(1, len(held) // 2))
        rest, chosen = np.split(np.arange(len(held)), [len(held) - tuned])
        self._spread = spread_of(known.train, self._errors(held.take(rest)))
        self._choose(held.take(chosen))

    def reconstruct(self, released: Samples, answers: Labels) -> Samples:
        """The decoder's answer, moved towards the optimum as far as validation pairs advise."""
        start = self._start.reconstruct(released, answers)
        if self.share == 0:
            return start
        found = self._optimise(released, start, [self.weights] * len(start))
        moved: Samples = start + self.share * (found - start)
        return moved

    def _errors(self, pairs: Pairs) -> Samples:
        errors: Samples = pairs.originals - self._clipped(pairs)
        return errors

    def _clipped(self, pairs: Pairs) -> Samples:
        spec = self._known.spec
        guess = self._start.reconstruct(pairs.released, pairs.answers)
        clipped: Samples = guess.clip(spec.low, spec.high)
        return clipped

    def _choose(self, pairs: Pairs) -> None:
        """The weights and the share that leave the least error on ``pairs``."""
        start, count = self._clipped(pairs), len(pairs)
        grid = [weights for weights in GRID for _ in range(count)]
        times = (len(GRID), *[1] * (start.ndim - 1))
        found = self._optimise(np.tile(pairs.released, times), np.tile(start, times), grid)
        missing = pairs.originals - start
        self.weights, self.share = GRID[0], 0.0
        least = float((missing**2).sum())
        for position, weights in enumerate(GRID):
            move = found[position * count : (position + 1) * count] - start
            length = float((move**2).sum())
            share = float((move * missing).sum()) / length if length > 0 else 0.0
            share = min(1.0, max(0.0, share))
            error = float(((missing - share * move) ** 2).sum())
            if error < least:
                least, self.weights, self.share = error, weights, share

    def _optimise(self, released: Samples, start: Samples, weights: list[Weights]) -> Samples:
        """The optimum of each sample, the best of ``Effort.seeds`` starts."""
        found, least = start, np.full(len(start), math.inf, np.float32)
        with torch.random.fork_rng(devices=[]):
            for run in range(self._known.effort.seeds):
                torch.manual_seed(branch(self._seed, "start", run))
                guess, objective = self._descend(released, start, weights, far=run > 0)
                better = (objective < least).reshape(-1, *[1] * (start.ndim - 1))
                found = np.where(better, guess, found)
                least = np.minimum(objective, least)
        return found

    def _descend(
        self, released: Samples, start: Samples, weights: list[Weights], far: bool
    ) -> tuple[Samples, Samples]:
        """Adam along a cosine; each sample keeps its best point and that point's objective."""
        spec, steps = self._known.spec, self._steps
        seen, middle = torch.tensor(released), torch.tensor(start)
        pull, rough = (
            torch.tensor([getattr(each, name) for each in weights]) for name in ("pull", "rough")
        )
        roughness = ROUGHNESS.get(self._known.kind, _none)
        z = torch.zeros(len(start), spec.size)
        if far:
            z.normal_()
        z.requires_grad_()
        optimiser = torch.optim.Adam([z], _RATE)
        decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
        best, least = middle.clone(), torch.full((len(start),), math.inf)
        draws = DRAWS if self._gradients.random else 1
        for _ in range(steps):
            free = middle + self._spread(z).reshape(middle.shape)
            # Clipped, but outside the range the gradient still leads back into it.
            guess = free + (free.clamp(spec.low, spec.high) - free).detach()
            sent = self._gradients(guess.repeat(draws, *[1] * (guess.ndim - 1)))
            mean = sent.unflatten(0, (draws, -1)).mean(0)
            objective = self._match(mean, seen) + pull * (z**2).mean(1)
            if rough.any():
                objective = objective + rough * roughness(guess) / (spec.high - spec.low)
            better = objective.detach() < least
            best[better], least[better] = guess.detach()[better], objective.detach()[better]
            (z.grad,) = torch.autograd.grad(objective.sum(), [z])
            z.grad.nan_to_num_(0.0, 0.0, 0.0)
            optimiser.step()
            decay.step()
        return best.numpy(), least.numpy()

    @property
    def _steps(self) -> int:
        return max(20, min(1000, self._known.effort.steps // 4))


def _variation(samples: Tensor) -> Tensor:
    """Mean absolute difference of neighbouring pixels, ``(n,)``, of ``(n, c, h, w)``."""
    down, across = samples.diff(dim=2).abs(), samples.diff(dim=3).abs()
    return down.mean((1, 2, 3)) + across.mean((1, 2, 3))


def _steps_in_time(samples: Tensor) -> Tensor:
    """Mean squared difference of neighbouring frames, ``(n,)``, of ``(n, 1, c, frames)``."""
    return (samples.diff(dim=3) ** 2).mean((1, 2, 3))


def _none(samples: Tensor) -> Tensor:
    return samples.new_zeros(len(samples))


ROUGHNESS: dict[str, Callable[[Tensor], Tensor]] = {
    "image": _variation,
    "photo": _variation,
    "mfcc": _steps_in_time,
}
