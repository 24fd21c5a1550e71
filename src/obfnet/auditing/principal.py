"""Principal components: a few numbers for each of many rows, and back."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

#: Rows that the components are found from at most.
ROWS = 6_000
#: Directions that are drawn beyond those wanted, and how often they are sharpened.
SPARE, ROUNDS = 16, 3


@dataclass(frozen=True, eq=False)
class Principal:
    """The directions in which rows vary most.

    Args:
        mean: ``(p,)``.
        directions: ``(p, k)``, orthonormal, greatest deviation first.
        deviations: along each of them, ``(k,)``, none of them 0.
    """

    mean: Tensor
    directions: Tensor
    deviations: Tensor

    def __call__(self, rows: Tensor) -> Tensor:
        """Components ``(n, k)`` of ``rows`` ``(n, p)``."""
        return (rows - self.mean) @ self.directions

    def restore(self, components: Tensor) -> Tensor:
        """Of all rows with these components ``(n, k)``, those nearest to the mean, ``(n, p)``."""
        return components @ self.directions.T + self.mean


def principal(rows: Tensor, most: int, seed: int) -> Principal:
    """At most ``most`` components of ``rows`` ``(n, p)``, fewer where rows have lower rank.

    Found by a randomised range finder with power iterations (Halko, Martinsson and Tropp, SIAM
    Review 2011), so that no ``p * p`` matrix is ever needed. From 6,000 rows at most, drawn with
    ``seed``.
    """
    generator = torch.Generator().manual_seed(seed)
    some = rows[torch.randperm(len(rows), generator=generator)[:ROWS]]
    mean = some.mean(0)
    centred = some - mean
    count = min(most + SPARE, *centred.shape)
    basis = torch.randn(centred.shape[1], count, generator=generator)
    for _ in range(ROUNDS):
        basis, _ = torch.linalg.qr(centred.T @ (centred @ basis))
    _, lengths, turns = torch.linalg.svd(centred @ basis, full_matrices=False)
    # What is below the rounding error of float32 is no direction of the data.
    count = min(most, int((lengths > 1e-5 * lengths[0]).sum()))
    deviations = lengths[:count] / max(1, len(some) - 1) ** 0.5
    return Principal(mean, basis @ turns[:count].T, deviations)
