"""A decoder trained on pairs (x, x'): a linear map refined by a deep net."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from obfnet.auditing.attack import Attack
from obfnet.auditing.evidence import Known
from obfnet.auditing.linear import COMPONENTS, MOST, ridge
from obfnet.auditing.principal import principal
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
        rows = self._view(released, np.concatenate([train.answers, made.answers]))
        originals = _flat(np.concatenate([train.originals, made.originals]))
        self._seen, self._wanted = _Part(rows, seed, even=True), _Part(originals, seed)
        seen, wanted = self._seen(rows), self._wanted(originals)
        held_seen = self._seen(self._view(validation.released, validation.answers))
        held_wanted = self._wanted(_flat(validation.originals))
        linear = ridge(seen, wanted, held_seen, held_wanted, len(train))
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
            guess = self._wanted.restore(self._net(self._seen(self._view(released, answers))))
        return np.asarray(guess.numpy().reshape(-1, *self._shape))


class _Part:
    """Rows as they are, or principal components of rows too long for dense layers.

    Args:
        rows: that the components are found from, ``(n, p)``.
        seed: fixes how.
        even: whether all components get the same deviation, as inputs of a net should have.
    """

    def __init__(self, rows: Tensor, seed: int, even: bool = False) -> None:
        self._components = principal(rows, COMPONENTS, seed) if rows.shape[1] > MOST else None
        self._scale = self._components.deviations if self._components and even else torch.ones(1)

    def __call__(self, rows: Tensor) -> Tensor:
        return rows if self._components is None else self._components(rows) / self._scale

    def restore(self, parts: Tensor) -> Tensor:
        if self._components is None:
            return parts
        return self._components.restore(parts * self._scale)


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


def _flat(samples: Samples) -> Tensor:
    return torch.from_numpy(samples.reshape(len(samples), -1))
