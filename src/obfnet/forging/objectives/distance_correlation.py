"""Distance correlation of x and the released code."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from obfnet.forging.objectives.batch import Batch
from obfnet.forging.objectives.term import Setting


@dataclass(frozen=True)
class DistanceCorrelation:
    """Squared distance correlation of x and the released code, in [0, 1].

    It is 1 where the code is x up to scale and rotation (Szekely, Rizzo and Bakirov 2007; for
    training: NoPeek, Vepakomma et al. 2020). The square, because the root has no slope at 0.
    """

    setting: Setting

    def __call__(self, batch: Batch) -> Tensor:
        """``(K,)``; over one batch, as the published V-statistic, which is above 0 by chance."""
        samples = centred(batch.samples.flatten(1)[None])
        released = centred(batch.released)
        spread = samples.square().mean((1, 2)) * released.square().mean((1, 2))
        # Below the least spread nothing varies: 0, and no gradient through the root.
        return (samples * released).mean((1, 2)) / spread.clamp(min=1e-12).sqrt()


def centred(points: Tensor) -> Tensor:
    """Distances ``(K, n, n)`` of points ``(K, n, k)``, less the means of rows and columns.

    In units of the mean distance, which the correlation does not depend on.
    """
    # Taken one by one: as a matrix product, near points lose their distance to cancellation.
    distances = torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist")
    scale = distances.detach().mean((1, 2), keepdim=True).clamp(min=1e-12)
    distances = distances / scale
    return (
        distances
        - distances.mean(1, keepdim=True)
        - distances.mean(2, keepdim=True)
        + distances.mean((1, 2), keepdim=True)
    )
