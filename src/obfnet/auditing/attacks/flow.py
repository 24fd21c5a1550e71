"""A generative attack: samples of x that fit x' and the label, and their mean."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from obfnet.auditing.attack import Attack
from obfnet.auditing.attacks.mlp import MlpDecoder
from obfnet.auditing.crossfit import crossfit
from obfnet.auditing.denoiser import Denoiser
from obfnet.auditing.evidence import Known
from obfnet.auditing.view import View
from obfnet.errors import NotMeasurableError
from obfnet.forging.loop import build, fit
from obfnet.seeds import branch
from obfnet.specs import Labels, Samples

#: The decoder whose answer the flow starts from.
DECODER: Callable[[], Attack] = MlpDecoder
#: Values of a sample at most: two cores cannot train a flow of larger pictures in an audit's time.
LARGEST = 4096
#: Share of an effort's steps that both decoders take together, and that the flow takes.
DECODING, FLOWING = 0.5, 0.2
#: Validation pairs that choose a checkpoint at most.
CHOOSING = 256
#: How many steps lead from noise to a sample: validation pairs choose one of these. Without a
#: step, opposite noises cancel, and the decoder's answer stays as it is.
STEPS = (0, 1, 3, 8)
#: Samples that are drawn for one x', in pairs of opposite noise.
DRAWS = 8


@dataclass(frozen=True, eq=False)
class _Seen:
    """What the net is told of n samples.

    Args:
        planes: the decoder's answer and x', of about unit scale, ``(n, planes, height, width)``.
        condition: the label, and whether the sample is of the attacker's making.
    """

    planes: Tensor
    condition: Tensor

    def __getitem__(self, indices: Tensor | slice) -> _Seen:
        return _Seen(self.planes[indices], self.condition[indices])


class FlowPosterior(Attack):
    """Rectified flow from noise to what a decoder leaves over, given its answer, x' and the label.

    Flow matching (Lipman et al., ICLR 2023; Liu, Gong and Liu, ICLR 2023) with a net that says
    the clean end of the line, not its direction. The decoder undoes what x' has scrambled, which
    convolutions cannot. Validation pairs choose how many steps lead from noise to a sample: one
    step says the mean of all samples at once; more of them draw samples, which are averaged.
    """

    name = "flow"
    knows = "pairs (x, x') and the label; a generative model of x given both"
    one_by_one = True

    def fit(self, known: Known, seed: int) -> None:
        """Train decoders and flow, then choose the number of steps.

        Raises:
            NotMeasurableError: samples are too large.
        """
        if known.spec.size > LARGEST:
            raise NotMeasurableError(
                f"samples have {known.spec.size} values, expected at most {LARGEST}: a flow of "
                "larger ones needs a GPU"
            )
        self._seed, self._shape = branch(seed, "noise"), known.spec.shape
        self._view = View(known.train.released, known.classes)
        self._decode = crossfit(DECODER, known, DECODING, seed)
        pairs, guess = self._decode.pairs, self._decode.guess
        left = pairs.originals - guess
        self._middle, self._spread = float(guess.mean()), float(guess.std()) or 1.0
        self._scale = float(np.sqrt((left**2).mean())) or 1.0
        made = np.arange(len(pairs)) >= self._decode.real
        train = self._seen(guess, pairs.released, pairs.answers, made)
        held = known.validation.take(np.arange(min(CHOOSING, len(known.validation))))
        guess = self._decode(held.released, held.answers)
        seen = self._seen(guess, held.released, held.answers)
        rest = self._planes(held.originals - guess) / self._scale
        self._learn(known, self._planes(left) / self._scale, train, rest, seen, seed)
        few = held.take(np.arange(min(known.effort.optimised, len(held))))
        errors = {}
        for steps in STEPS:
            self._steps = steps
            answer = self.reconstruct(few.released, few.answers)
            errors[steps] = float(((answer - few.originals) ** 2).mean())
        self._steps = min(errors, key=lambda steps: errors[steps])

    def reconstruct(self, released: Samples, answers: Labels) -> Samples:
        """The mean of several samples for each x' and label."""
        guess = self._decode(released, answers)
        seen = self._seen(guess, released, answers)
        generator = torch.Generator().manual_seed(self._seed)
        total = torch.zeros_like(self._planes(guess))
        with torch.inference_mode():
            for _ in range(DRAWS // 2):
                noise = torch.randn(total.shape, generator=generator)
                total += self._sample(noise, seen) + self._sample(-noise, seen)
        left = (total / DRAWS).numpy().reshape(guess.shape)
        return np.asarray(guess + self._scale * left, np.float32)

    def _sample(self, noise: Tensor, seen: _Seen) -> Tensor:
        """Follow the flow from ``noise``; the last step ends where the net says."""
        state = noise
        for step in range(self._steps):
            time = torch.full((len(noise),), step / self._steps)
            clean = self._net(state, seen.planes, seen.condition, time)
            state = state + (clean - state) / (self._steps - step)
        return state

    def _learn(
        self, known: Known, rest: Tensor, train: _Seen, held_rest: Tensor, held: _Seen, seed: int
    ) -> None:
        def error(clean: Tensor, seen: _Seen, noise: Tensor, time: Tensor) -> Tensor:
            share = time[:, None, None, None]
            noisy = (1 - share) * noise + share * clean
            return mse_loss(self._net(noisy, seen.planes, seen.condition, time), clean)

        def loss(indices: Tensor) -> Tensor:
            clean = rest[indices]
            # More of them near noise: what x' leaves open is settled early on the way.
            return error(
                clean, train[indices], torch.randn_like(clean), torch.rand(len(clean)) ** 2
            )

        generator = torch.Generator().manual_seed(branch(seed, "held"))
        noise = torch.randn(held_rest.shape, generator=generator)
        time = torch.linspace(0, 0.99, len(held_rest)) ** 2
        channels, given = rest.shape[1], train.planes.shape[1]
        self._net = cast(
            Denoiser, build(lambda: Denoiser(channels, given, train.condition.shape[1]), seed)
        )
        schedule = known.effort.schedule(len(rest), rate=2e-3, share=FLOWING)
        fit(
            self._net,
            loss=loss,
            score=lambda: -float(error(held_rest, held, noise, time)),
            count=len(rest),
            schedule=replace(schedule, batch=max(2, schedule.batch // 2)),
            seed=seed,
            label="attack: flow",
        )

    def _seen(
        self,
        guess: Samples,
        released: Samples,
        answers: Labels,
        made: np.ndarray | None = None,
    ) -> _Seen:
        rows = self._view(released, answers)
        planes = [
            self._planes((guess - self._middle) / self._spread),
            self._planes(rows[:, : math.prod(self._shape)].clamp(-5, 5).numpy()),
        ]
        made = np.zeros(len(guess)) if made is None else made
        return _Seen(
            torch.cat(planes, 1),
            torch.cat([rows[:, math.prod(self._shape) :], torch.tensor(made)[:, None].float()], 1),
        )

    def _planes(self, samples: Samples) -> Tensor:
        """Samples of any shape as ``(n, channels, height, width)``."""
        height, width = ((1,) * 2 + self._shape)[-2:]
        planes = np.ascontiguousarray(samples, np.float32).reshape(len(samples), -1, height, width)
        return torch.from_numpy(planes)
