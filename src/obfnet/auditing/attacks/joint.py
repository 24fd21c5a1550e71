"""Decoders of many ObfNets, trained as one net: what scrambles differs, what is hidden does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from obfnet.auditing.attack import Attack, Reconstruction
from obfnet.auditing.attacks.mlp import MlpDecoder
from obfnet.auditing.evidence import Evidence, Known, Pairs
from obfnet.forging.loop import Schedule, build, fit
from obfnet.seeds import branch
from obfnet.specs import Labels, Samples

#: Gradient work for each ObfNet, as a share of that of a decoder of its own: the trunk learns
#: from all.
SHARE = 0.35
#: Rows in a step, of all ObfNets together.
ROWS = 256
#: Greatest learning rate; steps are few.
RATE = 3e-3
#: Directions of x' that are kept at most; weaker ones than this share are rounding.
MOST, WEAKEST = 1024, 1e-4


def decode_together(evidences: Sequence[Evidence], seed: int) -> tuple[Reconstruction, ...]:
    """The ``mlp`` attack on each of several subjects of the same samples, at a share of the cost.

    Each subject has a linear map in closed form and a first layer of its own; the layers above,
    most of the weights, are shared and see the samples of all. What is learned of one subject is
    used on another, and that is all they share: each is judged on its own evaluation pairs.

    Raises:
        OverlapError: the attacker holds evaluation samples.
    """
    knowns = [evidence.known for evidence in evidences]
    inputs = [_Input.of(known) for known in knowns]
    wanted = _flat(np.concatenate([knowns[0].train.originals, knowns[0].made.originals]))
    held_wanted = _flat(knowns[0].validation.originals)
    seen = _stacked(inputs, [(k.train, k.made) for k in knowns])
    held = _stacked(inputs, [(k.validation,) for k in knowns])
    linear = torch.stack([
        _ridge(one, wanted, held_one, held_wanted)
        for one, held_one in zip(seen, held, strict=True)
    ])  # fmt: skip
    hidden = min(1024, 8 * knowns[0].spec.size)
    net = cast(_Joint, build(lambda: _Joint(linear, hidden), branch(seed, "net")))
    each = max(8, ROWS // len(knowns))
    effort = knowns[0].effort
    rows = SHARE * effort.steps * effort.batch  # of each
    epochs = max(1, round(rows / len(wanted)))
    fit(
        net,
        loss=lambda indices: mse_loss(
            net(seen[:, indices]), wanted[indices].expand(len(knowns), -1, -1)
        ),
        score=lambda: -float(mse_loss(net(held), held_wanted.expand(len(knowns), -1, -1))),
        count=len(wanted),
        schedule=Schedule(epochs, min(each, len(wanted)), RATE, patience=max(3, epochs // 5)),
        seed=branch(seed, "order"),
        label=f"attack: mlp on {len(knowns)} together",
    )
    return tuple(
        _Trained(net, place, own)(evidence, seed)
        for place, (own, evidence) in enumerate(zip(inputs, evidences, strict=True))
    )


class _Trained(Attack):
    """The decoder of one subject, which was trained with those of others."""

    name = MlpDecoder.name
    knows = MlpDecoder.knows

    def __init__(self, net: _Joint, place: int, own: _Input) -> None:
        self._net, self._place, self._own = net, place, own

    def fit(self, known: Known, seed: int) -> None:
        """It is trained already, on this subject's pairs and those of the others."""
        self._shape = known.spec.shape

    def reconstruct(self, released: Samples, answers: Labels) -> Samples:
        """The net's output for each x' and label."""
        rows = self._own(released, answers)
        with torch.inference_mode():
            guess = self._net.one(rows, self._place)
        return np.asarray(guess.numpy().reshape(-1, *self._shape))


@dataclass(frozen=True, eq=False)
class _Input:
    """x' in its principal directions, at about unit spread, with the label beside them."""

    mean: Tensor
    directions: Tensor
    classes: int

    @classmethod
    def of(cls, known: Known) -> _Input:
        flat = _flat(np.concatenate([known.train.released, known.made.released]))
        mean = flat.mean(dim=0)
        centred = flat - mean
        spread, directions = _principal(centred)
        kept = int((spread > WEAKEST * spread[0].clamp(min=1e-12)).sum())
        kept = min(kept, MOST)
        # Halfway to white: weak directions are heard, and their noise does not take over.
        typical = (spread[:kept] ** 2).mean().sqrt()
        scaled = directions[:, :kept] / (spread[:kept] * typical).sqrt()
        return cls(mean, scaled.float(), known.classes)

    def __call__(self, released: Samples, answers: Labels) -> Tensor:
        rows = (_flat(released) - self.mean) @ self.directions
        label = torch.eye(self.classes)[torch.from_numpy(answers)]
        return torch.cat([label, rows], dim=1)


def _principal(centred: Tensor) -> tuple[Tensor, Tensor]:
    """Spread of rows ``(n, p)`` along each principal direction ``(p, k)``, greatest first."""
    count, size = centred.shape
    if size <= 2 * MOST:
        exact = centred.double()  # or rounding would pass for weak directions
        squares, directions = torch.linalg.eigh(exact.T @ exact / count)
        return squares.clamp(min=0).sqrt().flip(0), directions.flip(1)
    # Randomised range finder (Halko, Martinsson and Tropp, SIAM Review 2011).
    basis = torch.randn(size, min(MOST, count), generator=torch.Generator().manual_seed(0))
    for _ in range(2):
        basis, _ = torch.linalg.qr(centred.T @ (centred @ basis))
    _, spread, turns = torch.linalg.svd(centred @ basis, full_matrices=False)
    return spread.double() / count**0.5, (basis @ turns.T).double()


class _Joint(nn.Module):
    """A linear map and a first layer for each of S subjects, and a deep net for all."""

    def __init__(self, linear: Tensor, hidden: int) -> None:
        super().__init__()
        count, wide, size = linear.shape  # the last input is the constant 1
        self.linear = nn.Parameter(linear)
        bound = 1 / (wide - 1) ** 0.5
        self.first = nn.Parameter(torch.empty(count, wide, hidden).uniform_(-bound, bound))
        self.norms = nn.ModuleList(nn.BatchNorm1d(hidden) for _ in range(count))
        self.trunk = nn.Sequential(
            nn.GELU(), nn.Linear(hidden, hidden), nn.BatchNorm1d(hidden), nn.GELU()
        )
        self.last = nn.Linear(hidden, size)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, seen: Tensor) -> Tensor:
        """Reconstructions ``(S, n, size)`` of rows ``(S, n, wide)``, row s for subject s."""
        inputs = _with_one(seen)
        own = torch.stack([
            norm(rows)
            for norm, rows in zip(self.norms, torch.bmm(inputs.clamp(-10, 10), self.first),
                                  strict=True)
        ])  # fmt: skip
        deep = self.last(self.trunk(own.flatten(0, 1))).unflatten(0, own.shape[:2])
        guess: Tensor = torch.bmm(inputs, self.linear) + deep
        return guess

    def one(self, seen: Tensor, place: int) -> Tensor:
        """Reconstructions ``(n, size)`` of rows of the subject at ``place``."""
        wide = self.linear.shape[1] - 1
        inputs = _with_one(nn.functional.pad(seen, (0, wide - seen.shape[1])))
        own = self.norms[place](inputs.clamp(-10, 10) @ self.first[place])
        guess: Tensor = inputs @ self.linear[place] + self.last(self.trunk(own))
        return guess


def _stacked(inputs: Sequence[_Input], pairs: Sequence[Sequence[Pairs]]) -> Tensor:
    """Rows ``(S, n, wide)`` of all subjects, filled up with zeros to the widest."""
    rows = [
        torch.cat([own(part.released, part.answers) for part in parts])
        for own, parts in zip(inputs, pairs, strict=True)
    ]
    wide = max(each.shape[1] for each in rows)
    return torch.stack([nn.functional.pad(each, (0, wide - each.shape[1])) for each in rows])


def _ridge(seen: Tensor, wanted: Tensor, held_seen: Tensor, held_wanted: Tensor) -> Tensor:
    """Weights ``(wide + 1, size)`` with the penalty that does best on validation pairs."""
    inputs, held = _with_one(seen), _with_one(held_seen)
    gram, cross = (inputs.T @ inputs).double(), (inputs.T @ wanted).double()
    best, least = cross.float(), float("inf")
    for penalty in (1e-2, 1.0, 1e2):
        weights = torch.linalg.solve(gram + penalty * torch.eye(len(gram)).double(), cross).float()
        error = float(mse_loss(held @ weights, held_wanted))
        if error < least:
            best, least = weights, error
    return best


def _with_one(rows: Tensor) -> Tensor:
    return torch.cat([rows, torch.ones_like(rows[..., :1])], dim=-1)


def _flat(samples: Samples) -> Tensor:
    return torch.from_numpy(samples.reshape(len(samples), prod(samples.shape[1:])))
