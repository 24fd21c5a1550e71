"""Ridge regression in closed form: the part of any attack that undoes what is nearly linear."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from obfnet.auditing.principal import principal

PENALTIES = (1e-4, 1e-2, 1.0, 1e2, 1e4)
#: Rows that are turned into double precision at once: bounds memory.
ROWS = 4096


def ridge(seen: Tensor, wanted: Tensor, held_seen: Tensor, held_wanted: Tensor) -> nn.Linear:
    """The linear map whose penalty does best on held-out pairs.

    Double precision, because the small penalties need it. Memory grows with ``p * (p + q)``, time
    with ``n * p * (p + q)``: the caller bounds p, e.g. by ``principal``.

    Args:
        seen: ``(n, p)``.
        wanted: ``(n, q)``.
        held_seen: ``(m, p)``.
        held_wanted: ``(m, q)``.
    """
    mean, target = seen.mean(0).double(), wanted.mean(0).double()
    gram = torch.zeros(seen.shape[1], seen.shape[1], dtype=torch.double)
    cross = torch.zeros(seen.shape[1], wanted.shape[1], dtype=torch.double)
    for some, theirs in zip(seen.split(ROWS), wanted.split(ROWS), strict=True):
        inputs = some.double() - mean
        gram += inputs.T @ inputs
        cross += inputs.T @ (theirs.double() - target)
    best, least = _linear(torch.zeros_like(cross), mean, target), float("inf")
    for penalty in PENALTIES:
        factor = torch.linalg.cholesky(gram + penalty * torch.eye(len(gram), dtype=torch.double))
        tried = _linear(torch.cholesky_solve(cross, factor), mean, target)
        with torch.inference_mode():
            error = float(mse_loss(tried(held_seen), held_wanted))
        if error < least:
            best, least = tried, error
    return best


def _linear(weights: Tensor, mean: Tensor, target: Tensor) -> nn.Linear:
    """``target + (row - mean) @ weights`` of rows, as a layer."""
    linear = nn.Linear(*weights.shape)
    with torch.no_grad():
        linear.weight.copy_(weights.T)
        linear.bias.copy_(target - mean @ weights)
    return linear


#: More inputs than this are projected to principal components first, so many of them.
MOST, COMPONENTS = 4096, 512


def bounded_ridge(
    seen: Tensor, wanted: Tensor, held_seen: Tensor, held_wanted: Tensor, seed: int
) -> nn.Module:
    """``ridge``, over principal components where rows are too long for it.

    Args:
        seen: ``(n, p)``.
        wanted: ``(n, q)``.
        held_seen: ``(m, p)``.
        held_wanted: ``(m, q)``.
        seed: fixes how components are found.
    """
    if seen.shape[1] <= MOST:
        return ridge(seen, wanted, held_seen, held_wanted)
    found = principal(seen, COMPONENTS, seed)
    project = _linear(found.directions, found.mean, found.directions.new_zeros(1))
    return nn.Sequential(project, ridge(found(seen), wanted, found(held_seen), held_wanted))
