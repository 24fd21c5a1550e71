"""How well a candidate's x' matches the x' that was seen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from obfnet.auditing.rows import rows_of
from obfnet.specs import Samples

#: A candidate's x' and the x' seen, ``(n, *shape)`` each, to a distance ``(n,)``.
Match = Callable[[Tensor, Tensor], Tensor]

#: A transform that gives at most this many different x' is taken for a codebook.
MOST_ROWS = 512


def matching(released: Samples) -> Match:
    """The match that suits a transform which gave ``released`` ``(n, *shape)``.

    Where it gave few different x', each many times, they are the rows of a table, and what can
    be matched is which row: the cross-entropy of the row seen, by nearness to all of them. Else
    it is the mean squared difference in standard deviations of each value of x', so that a
    small signal hidden in values that hardly move counts as much as the rest.
    """
    flat = released.reshape(len(released), -1)
    rows = np.unique(flat, axis=0)
    if len(rows) <= min(MOST_ROWS, len(flat) // 4):
        return _by_row(torch.from_numpy(rows))
    return _by_value(flat)


def _by_value(flat: Samples) -> Match:
    around = rows_of(flat)
    deviation = flat.std(axis=0) if around is None else around.deviation
    typical = float(np.sqrt((deviation**2).mean())) or 1.0
    scale = torch.from_numpy(np.maximum(deviation, 0.01 * typical))

    def match(candidate: Tensor, seen: Tensor) -> Tensor:
        return (((candidate - seen).flatten(1) / scale) ** 2).mean(1)

    return match


def _by_row(rows: Tensor) -> Match:
    apart = float(torch.pdist(rows).square().median()) if len(rows) > 1 else 1.0

    def match(candidate: Tensor, seen: Tensor) -> Tensor:
        target = torch.cdist(seen.flatten(1), rows).argmin(1)
        nearness = -8 * torch.cdist(candidate.flatten(1), rows).square() / (apart or 1.0)
        return cross_entropy(nearness, target, reduction="none")

    return match
