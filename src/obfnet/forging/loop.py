"""The one training loop: Adam, a cosine schedule, and each net's best checkpoint on held data."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import torch
from torch import Tensor, nn

from obfnet.allocator import keeping_memory
from obfnet.errors import SpecError
from obfnet.forging import cancelling
from obfnet.nets.stack import State, chosen
from obfnet.progress import bar

#: Held by whoever sets torch's random state, the only one for all threads.
_random = threading.RLock()


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Args:
        epochs: passes over the data at most.
        batch: samples per step.
        rate: Adam's largest learning rate; it falls to zero along a cosine when ``decay``.
        decay: whether the rate falls.
        patience: stop after this many checks without a better score, or None.
        target: stop at the first check whose score reaches this, or None.
        checks: how often in an epoch the score is taken.
    """

    epochs: int
    batch: int = 128
    rate: float = 1e-3
    decay: bool = True
    patience: int | None = None
    target: float | None = None
    checks: int = 1

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 2 or self.rate <= 0 or self.checks < 1:
            raise SpecError(
                f"expected epochs >= 1, batch >= 2, rate > 0 and checks >= 1, got {self}"
            )


@dataclass(frozen=True)
class Fit:
    """What training reached.

    Args:
        score: the best one, whose checkpoint is what training gives.
        epoch: after how many epochs it came, 0 for the untrained module.
        seconds: wall time until it came.
        history: the score before training and at each check.
    """

    score: float
    epoch: float
    seconds: float
    history: tuple[float, ...]


class Nets(Protocol):
    """K nets that train at once; ``nets.stack.Stack`` is one kind."""

    @property
    def count(self) -> int:
        """K."""

    @property
    def module(self) -> nn.Module:
        """All of them, with every parameter stacked along its first axis."""

    def state(self, position: int) -> State:
        """A copy of the weights and buffers of the net at ``position``."""

    def keep(self, positions: Sequence[int]) -> None:
        """Drop all nets but those at ``positions``; parameters remain the same objects."""


def fit(
    module: nn.Module,
    loss: Callable[[Tensor], Tensor],
    score: Callable[[], float],
    count: int,
    schedule: Schedule,
    seed: int,
    label: str,
) -> Fit:
    """Train ``module`` in place and leave it in eval mode at its best checkpoint.

    Args:
        module: what is trained; only its parameters that ask for gradients move.
        loss: scalar loss of a batch given the batch's indices into ``range(count)``.
        score: higher is better; called in eval mode before training and at each check, on
            validation data.
        count: number of training samples.
        schedule: how long and how fast.
        seed: fixes the order of samples, dropout and augmentation.
        label: name on the progress bar.
    """
    ((reached, state),) = fit_many(
        _Alone(module),
        lambda indices, _: loss(indices)[None],
        lambda _: [score()],
        count,
        schedule,
        seed,
        label,
    )
    module.load_state_dict(state)
    module.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    module.eval()
    return reached


def fit_many(
    nets: Nets,
    losses: Callable[[Tensor, list[int]], Tensor],
    scores: Callable[[list[int]], Sequence[float]],
    count: int,
    schedule: Schedule,
    seed: int,
    label: str,
    also: Sequence[nn.Parameter] = (),
    betas: tuple[float, float] = (0.9, 0.999),
    generator: torch.Generator | None = None,
) -> list[tuple[Fit, State]]:
    """Train K nets on the same batches; each stops by itself, at its own best checkpoint.

    Args:
        nets: what is trained, and used up.
        losses: one loss for each net still in training, given the batch's indices into
            ``range(count)`` and the numbers of those nets in ``range(K)``.
        scores: one score for each, given their numbers; higher is better.
        count: number of training samples.
        schedule: how long and how fast; patience and target count for each net by itself.
        seed: fixes the order of samples, dropout and augmentation.
        label: name on the progress bar.
        also: further parameters that train along, an adversary's. Nets that have stopped are
            then computed to the end, and no more than that.
        betas: Adam's decay rates.
        generator: draws the order of samples, by default torch's own random state. Where several
            threads train, each needs one.

    Returns:
        For each net how it went, and the weights of its best checkpoint.
    """
    started = time.perf_counter()
    module = nets.module
    batch = min(schedule.batch, count)
    steps = count // batch
    every = max(1, steps // schedule.checks)
    parameters = [p for p in module.parameters() if p.requires_grad]
    optimiser = torch.optim.Adam([*parameters, *also], schedule.rate, betas, fused=True)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, schedule.epochs * steps)
    present = list(range(nets.count))  # numbers of the nets that are still computed
    courses = [_Course() for _ in present]

    def check(step: int) -> None:
        module.eval()
        with torch.inference_mode():
            found = scores(present)
        for position, (number, score) in enumerate(zip(present, found, strict=True)):
            if not courses[number].over(schedule):
                reached = Fit(score, step / steps, time.perf_counter() - started, ())
                courses[number].add(reached, partial(nets.state, position))

    with (
        _random_state_kept(),
        keeping_memory(),
        bar(label, schedule.epochs * steps) as advance,
    ):
        _channels_last(module)
        check(0)
        with _random:
            torch.manual_seed(seed)
        for step, indices in enumerate(_batches(count, batch, schedule.epochs, generator), start=1):
            cancelling.check()
            module.train()
            optimiser.zero_grad(set_to_none=True)
            losses(indices, present).sum().backward()
            optimiser.step()
            if schedule.decay:
                decay.step()
            advance()
            if step % every and step % steps:
                continue
            check(step)
            running = [n for n in present if not courses[n].over(schedule)]
            if not running:
                break
            if len(running) < len(present) and not also:
                _drop(nets, optimiser, parameters, [present.index(n) for n in running])
                present = running
    return [course.end() for course in courses]


class _Course:
    """How the training of one net goes."""

    def __init__(self) -> None:
        self.history: list[float] = []
        self.best = -1
        self.reached: Fit
        self.state: State

    def add(self, found: Fit, state: Callable[[], State]) -> None:
        self.history.append(found.score)
        if self.best < 0 or found.score > self.history[self.best]:
            self.best = len(self.history) - 1
            self.reached, self.state = found, state()

    def over(self, schedule: Schedule) -> bool:
        if len(self.history) < 2:
            return False
        enough = schedule.target is not None and self.history[-1] >= schedule.target
        waited = len(self.history) - 1 - self.best
        return enough or (schedule.patience is not None and waited >= schedule.patience)

    def end(self) -> tuple[Fit, State]:
        return replace(self.reached, history=tuple(self.history)), self.state


class _Alone:
    """One module as the only one of several."""

    count = 1

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    def state(self, position: int) -> State:
        return copy.deepcopy(self.module.state_dict())

    def keep(self, positions: Sequence[int]) -> None:
        """It is kept as long as it trains."""


def _drop(
    nets: Nets,
    optimiser: torch.optim.Optimizer,
    parameters: Sequence[nn.Parameter],
    positions: Sequence[int],
) -> None:
    """Keep the nets at ``positions`` and what the optimiser remembers of them."""
    before = nets.count
    nets.keep(positions)
    _channels_last(nets.module)
    for parameter in parameters:
        for name, values in optimiser.state[parameter].items():
            if values.ndim and values.shape != parameter.shape:  # else it is of one net alone
                # Laid out as the parameter is: fused Adam walks through both alike.
                left = torch.empty_like(parameter).copy_(chosen(values, before, positions))
                optimiser.state[parameter][name] = left


def _channels_last(module: nn.Module) -> None:
    """Convolutions, depthwise ones above all, are faster so; others do not care."""
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _batches(
    count: int, batch: int, epochs: int, generator: torch.Generator | None
) -> Iterator[Tensor]:
    """Indices of each batch, shuffled anew in every epoch.

    The last, smaller batch is left out: batch normalisation cannot take one sample.
    """
    for _ in range(epochs):
        yield from torch.randperm(count, generator=generator)[: count // batch * batch].split(batch)


def build(factory: Callable[[], nn.Module], seed: int) -> nn.Module:
    """Call ``factory`` with torch's random state at ``seed``, and leave that state as it was."""
    with _random, _random_state_kept():
        torch.manual_seed(seed)
        return factory()


@contextmanager
def _random_state_kept() -> Iterator[None]:
    """Leave torch's random state as it was; other threads may train, but none may build."""
    with _random:
        before = torch.get_rng_state()
    try:
        yield
    finally:
        with _random:
            torch.set_rng_state(before)
