"""Samples of an attacker's own making, from little real data or from none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import torch
from torch.nn.functional import interpolate

from obfnet.auditing.evidence import mixtures
from obfnet.seeds import branch
from obfnet.specs import Samples, SampleSpec

#: Pictures are drawn with at most this many values on their longer side, then enlarged.
SIDE = 32
#: Strokes in one picture at most, and points along each of them.
STROKES, POINTS = 4, 12
#: Pictures drawn at once: bounds memory.
BATCH = 256


def variants(originals: Samples, count: int, seed: int) -> Samples:
    """``count`` mixtures of ``originals``, each second one moved along its last two axes.

    Args:
        originals: ``(n, *shape)``; one alone gives itself at other places.
        count: how many.
        seed: fixes them.

    Returns:
        ``(count, *shape)``, still in the value range.
    """
    made = mixtures(originals, count, branch(seed, "mixtures"))
    generator = np.random.default_rng(branch(seed, "moved"))
    axes = tuple(range(max(0, made.ndim - 3), made.ndim - 1))
    most = [max(1, made.shape[1 + axis] // 4) for axis in axes]
    for sample in made[::2]:
        steps = [int(generator.integers(-reach, reach + 1)) for reach in most]
        sample[...] = np.roll(sample, steps, axes)
    return made


def colours(spec: SampleSpec, kind: str, count: int, seed: int) -> Samples:
    """``count`` samples ``(count, *shape)`` of one level in each channel; ``kind`` is not used."""
    channels = _planes(spec.shape)[0]
    levels = np.random.default_rng(seed).random((count, channels, 1), dtype=np.float32)
    size = spec.size // channels
    return _scaled(np.repeat(levels, size, axis=2), spec)


def strokes(spec: SampleSpec, kind: str, count: int, seed: int) -> Samples:
    """``count`` drawn samples ``(count, *shape)``: pictures of lines and curves, or patterns.

    Args:
        spec: shape and range of a sample.
        kind: see ``data.Dataset``; pictures get strokes, anything else smooth patterns.
        count: how many.
        seed: fixes them.
    """
    channels, height, width = _planes(spec.shape)
    shrink = max(1.0, max(height, width) / SIDE)
    small = (max(1, round(height / shrink)), max(1, round(width / shrink)))
    draw = DRAWN.get(kind, _patterns)
    generator = np.random.default_rng(seed)
    parts = [np.zeros((0, channels, height, width), np.float32)]
    for start in range(0, count, BATCH):
        drawn = draw(generator, min(BATCH, count - start), channels, *small)
        parts.append(_resized(drawn, height, width))
    return _scaled(np.concatenate(parts).clip(0, 1), spec)


def _pictures(
    generator: np.random.Generator, count: int, channels: int, height: int, width: int
) -> Samples:
    """Straight and curved strokes over a background, in [0, 1].

    Half of the pictures are bright on black and a quarter dark on white, as writing and printing
    are; the rest have strokes of any colour on smooth shades.
    """
    side = max(height, width)
    rows, columns = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    shades = generator.random((count, channels, 2, 2), dtype=np.float32)
    canvas = _resized(shades, height, width)
    style = generator.choice(3, count, p=(0.5, 0.25, 0.25))
    canvas[style == 0], canvas[style == 1] = 0, 1
    along = np.linspace(0, 1, POINTS, dtype=np.float32)
    # A quadratic Bezier curve of three random points; a straight line where they are in a row.
    weights = np.stack([(1 - along) ** 2, 2 * along * (1 - along), along**2])
    drawn = generator.integers(1, STROKES + 1, count)
    for stroke in range(STROKES):
        corners = generator.random((count, 3, 2), dtype=np.float32)
        corners = (corners * 1.2 - 0.1) * np.array([height, width], np.float32)
        curve = np.einsum("nck,cp->npk", corners, weights)
        reach = np.full((count, height, width), np.inf, np.float32)
        for point in range(POINTS):
            down = rows - curve[:, point, 0, None, None]
            across = columns - curve[:, point, 1, None, None]
            np.minimum(reach, down**2 + across**2, out=reach)
        thick = generator.uniform(0.02, 0.12, (count, 1, 1)) * side
        ink = (1 + thick - np.sqrt(reach)).clip(0, 1) * (stroke < drawn)[:, None, None]
        colour = generator.random((count, channels, 1, 1), dtype=np.float32)
        contrast = generator.uniform(0, 0.4, colour.shape)
        colour[style == 0] = 1 - contrast[style == 0]
        colour[style == 1] = contrast[style == 1]
        canvas += ink[:, None].astype(np.float32) * (colour - canvas)
    return canvas


def _patterns(
    generator: np.random.Generator, count: int, channels: int, height: int, width: int
) -> Samples:
    """Smooth bumps and stripes that last for a while, as in any spectrogram, in [0, 1]."""
    drawn = np.empty((count, channels, height, width), np.float32)
    for picture in drawn:
        level = 0.5 + 0.2 * generator.standard_normal((channels, height, 1))
        bumps = np.zeros((channels, height, width), np.float32)
        for _ in range(3):
            grid = (int(generator.integers(1, 8)), int(generator.integers(2, 16)))
            coarse = generator.standard_normal((1, channels, *grid)).astype(np.float32)
            bumps += _resized(coarse, height, width)[0] * generator.uniform(0.02, 0.25)
        begin, end = np.sort(generator.uniform(-0.3, 1.3, 2)) * width
        lasts = np.minimum(np.arange(width) - begin, end - np.arange(width))
        picture[...] = level + bumps * (lasts / 2).clip(0, 1)
    return drawn


#: How a sample of each kind is drawn.
DRAWN: Mapping[str, Callable[[np.random.Generator, int, int, int, int], Samples]] = (
    MappingProxyType({"image": _pictures, "photo": _pictures, "mfcc": _patterns})
)


def _planes(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """``shape`` as (channels, height, width); leading axes count as channels."""
    height, width = ((1,) * 2 + shape)[-2:]
    return int(np.prod(shape[:-2])), height, width


def _resized(planes: Samples, height: int, width: int) -> Samples:
    """``(n, channels, *, *)`` to ``(n, channels, height, width)``, smoothly."""
    enlarged: Samples = interpolate(
        torch.from_numpy(planes), (height, width), mode="bilinear", align_corners=True
    ).numpy()
    return enlarged


def _scaled(shares: Samples, spec: SampleSpec) -> Samples:
    """Values in [0, 1] as samples ``(n, *shape)`` of ``spec``."""
    values = spec.low + (spec.high - spec.low) * shares
    scaled: Samples = values.clip(spec.low, spec.high).reshape(-1, *spec.shape).astype(np.float32)
    return scaled
