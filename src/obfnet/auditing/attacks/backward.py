"""A transform's gradients for an attacker, also where the transform masks them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from obfnet.auditing.evidence import Known
from obfnet.forging.loop import build, fit


@dataclass(frozen=True, eq=False)
class Backward:
    """Samples ``(n, *shape)`` to x', with gradients.

    Args:
        forward: does it.
        random: whether it gives another x' each time.
        masked: whether the transform's own gradients were useless, and a net's stand in.
    """

    forward: Callable[[Tensor], Tensor]
    random: bool
    masked: bool

    def __call__(self, samples: Tensor) -> Tensor:
        """x' of ``samples``."""
        return self.forward(samples)


def backward(known: Known, seed: int) -> Backward:
    """The subject's gradients, or a stand-in's where they are masked.

    Rounding, clipping and thresholds have no gradient and hide nothing: forwards the transform
    is kept exact, backwards goes a net that was trained to imitate it (backward pass
    differentiable approximation; Athalye, Carlini and Wagner, ICML 2018).

    Args:
        known: pairs to train the net on; its subject offers gradients.
        seed: fixes the net.
    """
    gradients = known.subject.gradients
    assert gradients is not None
    probe = torch.tensor(known.train.originals[:16]).requires_grad_()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        first, again = gradients(probe), gradients(probe)
    random = not torch.equal(first, again)
    if not _masked(probe, first):
        return Backward(gradients, random, masked=False)
    net = _imitation(known, seed)

    def forward(samples: Tensor) -> Tensor:
        imitated: Tensor = net(samples)
        with torch.no_grad():
            exact = gradients(samples)
        return imitated + (exact - imitated).detach()

    return Backward(forward, random, masked=True)


def _masked(probe: Tensor, released: Tensor) -> bool:
    """Whether next to no value of x' has a gradient although x' differs between samples."""
    if float(released.detach().std(0).max()) == 0:
        return False  # constant: nothing is masked, there is nothing
    if not released.requires_grad:
        return True
    draw = torch.Generator().manual_seed(0)
    weights = torch.randn(released.shape, generator=draw)
    (slope,) = torch.autograd.grad((released * weights).sum(), [probe], allow_unused=True)
    return slope is None or float((slope != 0).float().mean()) < 0.01 or not slope.isfinite().all()


def _imitation(known: Known, seed: int) -> nn.Module:
    """A net from x to x', trained on the attacker's pairs."""
    train, made, held = known.train, known.made, known.validation
    originals = torch.from_numpy(np.concatenate([train.originals, made.originals]))
    released = torch.from_numpy(np.concatenate([train.released, made.released]))
    held_originals, held_released = map(torch.from_numpy, (held.originals, held.released))
    size = known.spec.size
    net = build(lambda: _Imitation(known.spec.shape, min(512, 4 * size)), seed)
    fit(
        net,
        loss=lambda indices: mse_loss(net(originals[indices]), released[indices]),
        score=lambda: -float(mse_loss(net(held_originals), held_released)),
        count=len(originals),
        schedule=known.effort.schedule(len(originals), share=0.5),
        seed=seed,
        label="attack: imitation of the transform",
    )
    return net


class _Imitation(nn.Module):
    """A linear map plus one hidden layer, smooth everywhere."""

    def __init__(self, shape: tuple[int, ...], hidden: int) -> None:
        super().__init__()
        size = int(np.prod(shape))
        self.linear = nn.Linear(size, size)
        self.deep = nn.Sequential(nn.Linear(size, hidden), nn.GELU(), nn.Linear(hidden, size))

    def forward(self, samples: Tensor) -> Tensor:
        flat = samples.flatten(1)
        imitated: Tensor = self.linear(flat) + self.deep(flat)
        return imitated.view_as(samples)
