"""What people use instead of an ObfNet: blur, pixels, noise, projections, as plain callables.

Each takes float32 samples ``(n, ..., height, width)`` to the same shape and dtype.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch.nn.functional import interpolate

from obfnet.auditing.subject import Subject, Transform
from obfnet.seeds import branch
from obfnet.specs import Samples, SampleSpec


def identity(samples: Samples) -> Samples:
    """Samples as they are."""
    return samples


def gaussian_blur(sigma: float) -> Transform:
    """Gaussian blur of ``sigma`` pixels along the last two axes, mirrored at the edge."""

    def blur(samples: Samples) -> Samples:
        sigmas = (0.0,) * (samples.ndim - 2) + (sigma, sigma)
        blurred: Samples = gaussian_filter(samples, sigmas, mode="reflect")
        return blurred

    return blur


def pixelation(side: int) -> Transform:
    """The mean of each block of about ``side`` x ``side`` values, in all of the block."""
    return lambda samples: _resampled(samples, side, mode="nearest")


def downscaling(factor: int) -> Transform:
    """Down to one value for each ``factor`` x ``factor``, and up again with bilinear blending."""
    return lambda samples: _resampled(samples, factor, mode="bilinear", align_corners=False)


def gaussian_noise(sigma: float, seed: int) -> Transform:
    """Independent N(0, sigma^2) on each value, fresh at each call, not clipped."""
    draw = np.random.default_rng(branch(seed, "gaussian noise"))
    return lambda samples: (samples + sigma * draw.standard_normal(samples.shape)).astype("float32")


def laplace_noise(scale: float, seed: int) -> Transform:
    """Independent Laplace noise of ``scale`` on each value, fresh at each call, not clipped."""
    draw = np.random.default_rng(branch(seed, "laplace noise"))
    return lambda samples: (samples + draw.laplace(0, scale, samples.shape)).astype("float32")


def random_projection(size: int, seed: int, kept: int | None = None) -> Transform:
    """A secret rotation of the whole sample by an orthogonal matrix, drawn once.

    Args:
        size: values in a sample.
        seed: the key.
        kept: how many dimensions of the rotated sample survive, the others are set to 0 before it
            is sent; all by default.
    """
    draw = np.random.default_rng(branch(seed, "projection"))
    turned, _ = np.linalg.qr(draw.standard_normal((size, size)))
    matrix = turned.astype(np.float32)
    if kept is not None:
        matrix[:, kept:] = 0
    return lambda samples: (samples.reshape(-1, size) @ matrix).reshape(samples.shape)


#: Alternatives by name, each made for a kind of sample and a seed.
ALTERNATIVES: Mapping[str, Callable[[SampleSpec, int], Transform]] = MappingProxyType(
    {
        "blur 1": lambda spec, seed: gaussian_blur(1),
        "blur 3": lambda spec, seed: gaussian_blur(3),
        "pixelation 4": lambda spec, seed: pixelation(4),
        "pixelation 7": lambda spec, seed: pixelation(7),
        "downscaling 4": lambda spec, seed: downscaling(4),
        "gaussian noise .3": lambda spec, seed: gaussian_noise(0.3 * _unit(spec), seed),
        "gaussian noise 1": lambda spec, seed: gaussian_noise(1.0 * _unit(spec), seed),
        "laplace noise .2": lambda spec, seed: laplace_noise(0.2 * _unit(spec), seed),
        "laplace noise 1": lambda spec, seed: laplace_noise(1.0 * _unit(spec), seed),
        "random projection": lambda spec, seed: random_projection(spec.size, seed),
        "random projection to 1/16": lambda spec, seed: random_projection(
            spec.size, seed, spec.size // 16
        ),
    }
)


def alternatives(spec: SampleSpec, seed: int) -> list[Subject]:
    """Every alternative as a subject, for samples of ``spec``; noise is in units of its range."""
    return [Subject(name, make(spec, branch(seed, name))) for name, make in ALTERNATIVES.items()]


def _unit(spec: SampleSpec) -> float:
    return spec.high - spec.low


def _resampled(
    samples: Samples, side: int, mode: str, align_corners: bool | None = None
) -> Samples:
    *_, height, width = samples.shape
    planes = torch.tensor(samples).reshape(-1, 1, height, width)
    small = interpolate(planes, (-(-height // side), -(-width // side)), mode="area")
    large = interpolate(small, (height, width), mode=mode, align_corners=align_corners)
    return large.numpy().reshape(samples.shape)
