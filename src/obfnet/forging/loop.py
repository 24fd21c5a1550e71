"""The one training loop: Adam, a cosine schedule, and the best checkpoint on validation data."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from obfnet.errors import SpecError
from obfnet.progress import bar


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
        score: the best one; the module is left at its checkpoint.
        epoch: after how many epochs it came, 0 for the untrained module.
        seconds: wall time until it came.
        history: the score before training and at each check.
    """

    score: float
    epoch: float
    seconds: float
    history: tuple[float, ...]


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
    started = time.perf_counter()
    # Convolutions, depthwise ones above all, are faster with channels last; others do not care.
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    batch = min(schedule.batch, count)
    steps = count // batch
    optimiser = torch.optim.Adam(
        [p for p in module.parameters() if p.requires_grad], schedule.rate, fused=True
    )
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, schedule.epochs * steps)
    history: list[float] = []
    best, best_step, best_seconds = 0, 0, 0.0
    best_state = copy.deepcopy(module.state_dict())
    every = max(1, steps // schedule.checks)
    with (
        torch.random.fork_rng(devices=[]),
        bar(label, schedule.epochs * steps) as advance,
    ):
        module.eval()
        with torch.inference_mode():
            history.append(score())
        torch.manual_seed(seed)
        for step, indices in enumerate(_batches(count, batch, schedule.epochs), start=1):
            module.train()
            optimiser.zero_grad(set_to_none=True)
            loss(indices).backward()
            optimiser.step()
            if schedule.decay:
                decay.step()
            advance()
            if step % every and step % steps:
                continue
            module.eval()
            with torch.inference_mode():
                history.append(score())
            if history[-1] > history[best]:
                best, best_step = len(history) - 1, step
                best_seconds = time.perf_counter() - started
                best_state = copy.deepcopy(module.state_dict())
            if schedule.target is not None and history[-1] >= schedule.target:
                break
            if schedule.patience is not None and len(history) - 1 - best >= schedule.patience:
                break
    module.load_state_dict(best_state)
    module.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    module.eval()
    return Fit(history[best], best_step / steps, best_seconds, tuple(history))


def _batches(count: int, batch: int, epochs: int) -> Iterator[Tensor]:
    """Indices of each batch, shuffled anew in every epoch.

    The last, smaller batch is left out: batch normalisation cannot take one sample.
    """
    for _ in range(epochs):
        yield from torch.randperm(count)[: count // batch * batch].split(batch)


def build(factory: Callable[[], nn.Module], seed: int) -> nn.Module:
    """Call ``factory`` with torch's random state at ``seed``, and leave that state as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return factory()
