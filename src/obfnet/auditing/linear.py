"""Ridge regression in closed form: the part of any attack that undoes what is nearly linear."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from obfnet.auditing.principal import principal

PENALTIES = (1e-4, 1e-2, 1.0, 1e2, 1e4)
#: Rows that are turned into double precision at once: bounds memory.
ROWS = 4096
#: More inputs than this are projected to principal components first, so many of them.
MOST, COMPONENTS = 4096, 512


def ridge(
    seen: Tensor, wanted: Tensor, held_seen: Tensor, held_wanted: Tensor, own: int
) -> nn.Linear:
    """The linear map that does best on held-out pairs, over penalties and what it is learnt from.

    Double precision, because the small penalties need it. Memory grows with ``p * (p + q)``, time
    with ``n * p * (p + q)``: ``bounded_ridge`` bounds p.

    Args:
        seen: ``(n, p)``.
        wanted: ``(n, q)``.
        held_seen: ``(m, p)``.
        held_wanted: ``(m, q)``.
        own: the first so many rows alone are tried too; the others, an attacker's mixtures, make a
            net smooth and may mislead a linear map.
    """
    tried = [
        linear
        for count in dict.fromkeys((own, len(seen)))
        for linear in _for_penalties(seen[:count], wanted[:count])
    ]
    with torch.inference_mode():
        errors = [float(mse_loss(linear(held_seen), held_wanted)) for linear in tried]
    return tried[errors.index(min(errors))]


def bounded_ridge(
    seen: Tensor, wanted: Tensor, held_seen: Tensor, held_wanted: Tensor, own: int, seed: int
) -> nn.Module:
    """``ridge``, over principal components where rows are too long for it.

    Args:
        seen: ``(n, p)``.
        wanted: ``(n, q)``.
        held_seen: ``(m, p)``.
        held_wanted: ``(m, q)``.
        own: see ``ridge``.
        seed: fixes how components are found.
    """
    if seen.shape[1] <= MOST:
        return ridge(seen, wanted, held_seen, held_wanted, own)
    found = principal(seen, COMPONENTS, seed)
    project = _linear(found.directions, found.mean, found.directions.new_zeros(1))
    return nn.Sequential(project, ridge(found(seen), wanted, found(held_seen), held_wanted, own))


def _for_penalties(seen: Tensor, wanted: Tensor) -> list[nn.Linear]:
    """One map for each penalty."""
    mean, target = seen.mean(0).double(), wanted.mean(0).double()
    gram = torch.zeros(seen.shape[1], seen.shape[1], dtype=torch.double)
    cross = torch.zeros(seen.shape[1], wanted.shape[1], dtype=torch.double)
    for some, theirs in zip(seen.split(ROWS), wanted.split(ROWS), strict=True):
        inputs = some.double() - mean
        gram += inputs.T @ inputs
        cross += inputs.T @ (theirs.double() - target)
    unit = torch.eye(len(gram), dtype=torch.double)
    factors = (torch.linalg.cholesky(gram + penalty * unit) for penalty in PENALTIES)
    return [_linear(torch.cholesky_solve(cross, factor), mean, target) for factor in factors]


def _linear(weights: Tensor, mean: Tensor, target: Tensor) -> nn.Linear:
    """``target + (row - mean) @ weights`` of rows, as a layer."""
    linear = nn.Linear(*weights.shape)
    with torch.no_grad():
        linear.weight.copy_(weights.T)
        linear.bias.copy_(target - mean @ weights)
    return linear
