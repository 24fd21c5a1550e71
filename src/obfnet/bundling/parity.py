"""What every export must pass first: on real samples it answers as torch does."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import nn

from obfnet.errors import ExportError, SpecError
from obfnet.specs import Samples

BATCHES = (1, 3, 17)
#: By precision: what answers may differ by, of the largest one. Whether int8 is good enough is
#: for a gate to say; this finds nets that are broken.
TOLERANCES: Mapping[str, float] = {"float32": 1e-4, "dynamic-int8": 0.1, "int8": 0.25}
PRECISIONS = tuple(TOLERANCES)


def check_request(samples: Samples, precision: str) -> None:
    """There is such a precision, and enough samples to compare on.

    Raises:
        SpecError: no such precision.
        ExportError: too few samples.
    """
    if precision not in TOLERANCES:
        raise SpecError(f"no precision {precision!r}; there are: {', '.join(PRECISIONS)}")
    if len(samples) < max(BATCHES):
        raise ExportError(f"the parity check needs {max(BATCHES)} real samples, got {len(samples)}")


def check_parity(
    module: nn.Module, net: Callable[[Samples], Samples], samples: Samples, tolerance: float
) -> None:
    """``net`` answers as ``module`` does, at every batch size of ``BATCHES``.

    Args:
        module: the original, in eval mode.
        net: the export as it runs.
        samples: real inputs ``(n, *shape)``, as many as the largest batch.
        tolerance: what answers may differ by, of the largest one, if that is above 1.

    Raises:
        ExportError: another shape, or answers that are not finite or differ by more.
    """
    for batch in BATCHES:
        with torch.inference_mode():
            wanted = module(torch.from_numpy(samples[:batch].copy())).numpy()
        found = net(samples[:batch])
        scale = max(1.0, float(np.abs(wanted).max()))
        # Written so that NaN, which is greater than nothing, is refused as well.
        close = found.shape == wanted.shape and np.abs(found - wanted).max() <= tolerance * scale
        if not close:
            raise ExportError(
                f"at batch {batch} the exported net gives shape {found.shape} and differs from "
                f"the original by more than {tolerance * scale:g}; it was not written"
            )
