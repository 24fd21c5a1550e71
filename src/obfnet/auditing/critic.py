"""A lower bound on the bits that x' tells of x, by a critic who matches the two."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from obfnet.auditing.evidence import Evidence, Known, Pairs
from obfnet.auditing.intervals import Values
from obfnet.auditing.view import View
from obfnet.forging.loop import build, fit

#: Pairs that are told apart at once in training, and width of the layers.
BATCH, HIDDEN, WIDTH = 512, 256, 64
#: x' among which that of a sample is sought at most: no bound exceeds log2 of it.
CANDIDATES = 2_048


@dataclass(frozen=True, eq=False)
class Matched:
    """How well a critic found the x' of each evaluation sample, in bits.

    The mean of either is a lower bound in expectation (InfoNCE: van den Oord, Li and Vinyals,
    2018). The wrong candidates are other x' for the same x; therefore bits never exceed the
    plug-in entropy of x', nor what a discrete mechanism certifies, by chance.

    Args:
        bits: of I(X; X'), each sample ``(n,)``.
        beyond: of I(X; X' | label): only x' with the same answer are candidates; 0, but for
            rounding, for a sample whose candidates are all the same.
        most: log2 of the number of candidates: the bound cannot show more.
    """

    bits: Values
    beyond: Values
    most: float


def matched(evidence: Evidence, seed: int) -> Matched:
    """Train a critic on the attacker's pairs, and let it match the evaluation's."""
    known, judged = evidence.known, evidence.evaluation
    x_view, released_view = _views(known)
    critic = _trained(known, x_view, released_view, seed)
    parts = max(1, math.ceil(len(judged) / CANDIDATES))
    bits, beyond = np.empty(len(judged)), np.empty(len(judged))
    fewest = len(judged)
    for part in np.array_split(np.arange(len(judged)), parts):
        pairs = judged.take(part)
        with torch.inference_mode():
            scores = critic(*_seen(pairs, x_view, released_view))
            bits[part], beyond[part] = (
                found.numpy() for found in _both(scores, torch.from_numpy(pairs.answers))
            )
        fewest = min(fewest, len(part))
    return Matched(bits, beyond, math.log2(fewest))


class _Critic(nn.Module):
    """Scores every x against every x' ``(n, n)``: the angle between two embeddings."""

    def __init__(self, width: int, width_released: int) -> None:
        super().__init__()
        self.of_x = _embedding(width)
        self.of_released = _embedding(width_released)
        self.sharpness = nn.Parameter(torch.tensor(2.0))

    def forward(self, x: Tensor, released: Tensor) -> Tensor:
        one = normalize(self.of_x(x), dim=1)
        other = normalize(self.of_released(released), dim=1)
        scores: Tensor = self.sharpness.exp() * one @ other.T
        return scores


def _embedding(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(width, HIDDEN),
        nn.BatchNorm1d(HIDDEN),
        nn.GELU(),
        nn.Linear(HIDDEN, WIDTH),
    )


def _trained(known: Known, x_view: View, released_view: View, seed: int) -> _Critic:
    """One critic for both bounds: the same one is best for either, log p(x' | x) and a rest."""
    train = known.train
    held = known.validation.take(np.arange(min(CANDIDATES, len(known.validation))))
    x, released = _seen(train, x_view, released_view)
    held_seen = _seen(held, x_view, released_view)
    critic = build(lambda: _Critic(x.shape[1], released.shape[1]), seed)
    assert isinstance(critic, _Critic)
    schedule = known.effort.schedule(len(train), 2e-3, 0.5)
    answers = torch.from_numpy(train.answers)

    def loss(indices: Tensor) -> Tensor:
        bits, beyond = _both(critic(x[indices], released[indices]), answers[indices])
        return -(bits.mean() + beyond.mean())

    def score() -> float:
        bits, beyond = _both(critic(*held_seen), torch.from_numpy(held.answers))
        return float(bits.mean() + beyond.mean())

    fit(
        critic,
        loss,
        score,
        count=len(train),
        schedule=replace(schedule, batch=min(BATCH, max(2, len(train)))),
        seed=seed,
        label="information: critic",
    )
    return critic


def _both(scores: Tensor, answers: Tensor) -> tuple[Tensor, Tensor]:
    """Bits of each row's own x' among all, and among those of the same answer."""
    own = scores.diagonal()
    same = answers[:, None] == answers[None, :]
    among = scores.masked_fill(~same, -math.inf)
    bits = own - scores.logsumexp(dim=1) + math.log(len(scores))
    beyond = own - among.logsumexp(dim=1) + same.sum(dim=1).log()
    return bits / math.log(2), beyond / math.log(2)


def _views(known: Known) -> tuple[View, View]:
    return (
        View(known.train.originals, known.classes),
        View(known.train.released, known.classes),
    )


def _seen(pairs: Pairs, x_view: View, released_view: View) -> tuple[Tensor, Tensor]:
    """x without any label, for it is what is sought; x' with the label that the backend gives."""
    nobody = np.zeros(len(pairs), np.int64)
    return x_view(pairs.originals, nobody), released_view(pairs.released, pairs.answers)
