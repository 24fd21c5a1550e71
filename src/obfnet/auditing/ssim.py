"""Structural similarity (Wang, Bovik, Sheikh and Simoncelli, IEEE TIP 2004) of many at once."""

from __future__ import annotations

from torch import Tensor

from obfnet.auditing.planes import planes
from obfnet.specs import SampleSpec

#: Side of the window at most, as in the paper's follow-ups and in scikit-image.
WINDOW = 7
#: What keeps the two ratios finite, for a value range of 1.
LUMINANCE, CONTRAST = 0.01**2, 0.03**2


def ssim_distance(originals: Tensor, guess: Tensor, spec: SampleSpec) -> Tensor:
    """1 - SSIM of each sample ``(n, *shape)``: ``(n,)`` in [0, 2]; differentiable.

    Samples are put into [0, 1] first, for the luminance term means nothing below 0. Channels
    are averaged. It is ``skimage.metrics.structural_similarity`` with a uniform window of 7, and
    a smaller odd one where a side is shorter than 14.
    """
    x, y = planes(originals, spec), planes(guess, spec)
    window = tuple(_side(length) for length in x.shape[-2:])
    count = window[0] * window[1]
    unbiased = count / max(1, count - 1)

    def mean(values: Tensor) -> Tensor:
        return _summed(_summed(values, -2, window[0]), -1, window[1]) / count

    mean_x, mean_y = mean(x), mean(y)
    variance_x = unbiased * (mean(x * x) - mean_x * mean_x)
    variance_y = unbiased * (mean(y * y) - mean_y * mean_y)
    covariance = unbiased * (mean(x * y) - mean_x * mean_y)
    luminance = (2 * mean_x * mean_y + LUMINANCE) / (mean_x**2 + mean_y**2 + LUMINANCE)
    structure = (2 * covariance + CONTRAST) / (variance_x + variance_y + CONTRAST)
    distance: Tensor = 1 - (luminance * structure).flatten(1).mean(dim=1)
    return distance


def _summed(values: Tensor, axis: int, window: int) -> Tensor:
    """Sums of ``window`` neighbours; several times faster than average pooling of one channel."""
    places = values.shape[axis] - window + 1
    total = values.narrow(axis, 0, places)
    for shift in range(1, window):
        total = total + values.narrow(axis, shift, places)
    return total


def _side(length: int) -> int:
    """The largest odd window up to half of a side, 3 or more where it fits."""
    half = max(length // 2, min(length, 3))
    return min(WINDOW, half - 1 + half % 2)
