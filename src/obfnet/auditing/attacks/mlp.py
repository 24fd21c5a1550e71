"""A decoder trained on pairs (x, x'): a linear map refined by a deep net."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from obfnet.auditing.attack import Attack
from obfnet.auditing.evidence import Known
from obfnet.auditing.view import View
from obfnet.forging.loop import build, fit
from obfnet.specs import Labels, Samples


class MlpDecoder(Attack):
    """White-box attacker with pairs: ridge regression in closed form, then a residual MLP.

    The linear part alone undoes any nearly linear transform exactly; the net, which starts
    from it, learns the rest until validation error stops falling (inverse network: He, Zhang
    and Lee, ACSAC 2019). Few pairs are eked out with mixtures of the attacker's own samples, sent
    through the transform that the attacker knows.
    """

    name = "mlp"

    def fit(self, known: Known, seed: int) -> None:
        """Fit the linear part, then train the net on top; both chosen on validation pairs."""
        train, made, validation = known.train, known.made, known.validation
        self._shape = known.spec.shape
        released = np.concatenate([train.released, made.released])
        self._view = View(released, known.classes)
        seen = self._view(released, np.concatenate([train.answers, made.answers]))
        wanted = _flat(np.concatenate([train.originals, made.originals]))
        held_seen = self._view(validation.released, validation.answers)
        held_wanted = _flat(validation.originals)
        linear = _ridge(seen, wanted, held_seen, held_wanted)
        hidden = min(1024, 8 * known.spec.size)
        self._net = build(lambda: _Refined(linear, hidden), seed)
        fit(
            self._net,
            loss=lambda indices: mse_loss(self._net(seen[indices]), wanted[indices]),
            score=lambda: -float(mse_loss(self._net(held_seen), held_wanted)),
            count=len(seen),
            schedule=known.effort.schedule(len(seen)),
            seed=seed,
            label="attack: mlp",
        )

    def reconstruct(self, released: Samples, answers: Labels) -> Samples:
        """The net's output for each x' and label."""
        with torch.inference_mode():
            guess = self._net(self._view(released, answers)).numpy()
        return np.asarray(guess.reshape(-1, *self._shape))


class _Refined(nn.Module):
    """A given linear map plus a deep net that starts at zero."""

    def __init__(self, linear: nn.Linear, hidden: int) -> None:
        super().__init__()
        self.linear = linear
        self.deep = nn.Sequential(
            nn.Linear(linear.in_features, hidden),
            nn.BatchNorm1d(hidden),
            nn.GELU(),
            nn.Linear(hidden, hidden),
            nn.BatchNorm1d(hidden),
            nn.GELU(),
            nn.Linear(hidden, linear.out_features),
        )
        last = self.deep[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, seen: Tensor) -> Tensor:
        # Values that hardly ever occur would drown the deep part; the linear one takes them.
        guess: Tensor = self.linear(seen) + self.deep(seen.clamp(-10, 10))
        return guess


def _ridge(seen: Tensor, wanted: Tensor, held_seen: Tensor, held_wanted: Tensor) -> nn.Linear:
    """Ridge regression; the penalty that does best on held-out pairs."""
    inputs = torch.cat([seen, torch.ones(len(seen), 1)], dim=1).double()
    gram, cross = inputs.T @ inputs, inputs.T @ wanted.double()
    best, best_error = None, float("inf")
    for penalty in (1e-4, 1e-2, 1.0, 1e2, 1e4):
        ridge = gram + penalty * torch.eye(len(gram), dtype=torch.double)
        weights = torch.linalg.solve(ridge, cross).float()
        linear = nn.Linear(seen.shape[1], wanted.shape[1])
        with torch.no_grad():
            linear.weight.copy_(weights[:-1].T)
            linear.bias.copy_(weights[-1])
            error = float(mse_loss(linear(held_seen), held_wanted))
        if best is None or error < best_error:
            best, best_error = linear, error
    assert best is not None
    return best


def _flat(samples: Samples) -> Tensor:
    return torch.from_numpy(samples.reshape(len(samples), -1))
