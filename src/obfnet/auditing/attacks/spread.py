"""Where a decoder's errors lie: the directions in which a search from its answer may go."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from obfnet.auditing.evidence import Pairs
from obfnet.specs import Samples

#: Rows of standard normal scale ``(n, size)`` to moves of a flattened sample ``(n, size)``.
Spread = Callable[[Tensor], Tensor]

#: Above this a full covariance is too large, and every value moves by itself.
MOST_VALUES = 4096


def spread_of(train: Pairs, errors: Samples) -> Spread:
    """The linear map whose image of white noise has the covariance of ``errors``.

    Held-out errors are few, so their covariance is shrunk towards that of samples of a label,
    brought to the same total variance (as a prior worth half as many errors as there are values).

    Args:
        train: pairs to take the covariance within a label from.
        errors: of a decoder on pairs that it was not trained on, ``(m, *shape)``.
    """
    size = int(np.prod(train.originals.shape[1:]))
    within = _within_labels(train)
    flat = errors.reshape(-1, size) if len(errors) else within
    if size > MOST_VALUES:
        apart = torch.from_numpy(np.sqrt((flat**2).mean(0) + 1e-8))
        return lambda z: z * apart
    found, prior = _covariance(flat), _covariance(within)
    prior = prior * (found.trace() / prior.trace().clamp(min=1e-12))
    worth = 0.5 * size
    mixed = (len(flat) * found + worth * prior) / (len(flat) + worth)
    floor = 1e-3 * float(mixed.trace()) / size + 1e-10
    root = torch.linalg.cholesky(mixed + floor * torch.eye(size, dtype=mixed.dtype)).float()
    return lambda z: z @ root.T


def _within_labels(pairs: Pairs) -> Samples:
    """Samples less the mean of their label, flattened ``(n, size)``."""
    flat = pairs.originals.reshape(len(pairs), -1).copy()
    for label in np.unique(pairs.answers):
        flat[pairs.answers == label] -= flat[pairs.answers == label].mean(axis=0)
    return flat


def _covariance(flat: Samples) -> Tensor:
    rows = torch.from_numpy(flat)
    return (rows.T @ rows).double() / max(1, len(rows))
