"""A backdoor to test audits with: it hides a thumbnail of x in the last digits of its output."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from obfnet.errors import SpecError
from obfnet.forging.obfnet import ObfNet
from obfnet.specs import SampleSpec


class Backdoor(nn.Module):
    """What ``inner`` gives, rounded, with a thumbnail of x where the rounded digits were.

    An InfNet answers as before, and to the eye nothing has changed. With an ObfNet or an InfNet
    as ``inner`` it is what a malicious backend could hand out; with an *encoder* as ``inner``
    it hides the thumbnail in the code, where a mechanism stands between it and the wire.

    Args:
        inner: samples ``(n, *shape)`` to x' of the same shape, or to a code ``(n, k)``.
        spec: what a sample looks like.
        thumbnail: side of the thumbnail, of a picture or MFCC; a flat sample gives its first
            ``thumbnail ** 2`` values.
        amplitude: greatest change of a value, in units of the output, by the thumbnail.

    Raises:
        SpecError: a side below 1, or no amplitude.
    """

    def __init__(
        self,
        inner: Callable[[Tensor], Tensor],
        spec: SampleSpec,
        thumbnail: int = 8,
        amplitude: float = 1e-2,
    ) -> None:
        if thumbnail < 1 or not 0 < amplitude < math.inf:
            raise SpecError(
                f"expected a thumbnail of side >= 1 and an amplitude > 0, got {thumbnail} and "
                f"{amplitude}"
            )
        super().__init__()
        self.inner = inner
        self._spec, self._side, self._amplitude = spec, thumbnail, amplitude

    def forward(self, samples: Tensor) -> Tensor:
        """Output of ``inner`` with the thumbnail in it; the thumbnail alone has gradients."""
        output = self.inner(samples).detach()
        flat = output.flatten(1)
        secret = (self.thumbnails(samples) - self._spec.low) / (self._spec.high - self._spec.low)
        places = torch.linspace(0, flat.shape[1] - 1, min(secret.shape[1], flat.shape[1])).long()
        # Rounded to twice the amplitude, so that what is hidden can be read off again.
        step = 2 * self._amplitude
        carrier = (flat[:, places] / step).round() * step
        hidden = carrier + self._amplitude * (secret[:, : len(places)] - 0.5)
        return flat.index_copy(1, places, hidden).view_as(output)

    def thumbnails(self, samples: Tensor) -> Tensor:
        """What is hidden, ``(n, cells)``: averages of cells, of all channels together."""
        if samples.ndim != 4:
            return samples.flatten(1)[:, : self._side**2]
        height, width = (min(self._side, side) for side in samples.shape[2:])
        return adaptive_avg_pool2d(samples.mean(1, keepdim=True), (height, width)).flatten(1)


def exactly(obfnet: ObfNet) -> Callable[[Tensor], Tensor]:
    """An ObfNet as a function of tensors, its mechanism exact and without gradients."""
    return lambda samples: torch.from_numpy(obfnet(samples.detach().numpy()))
