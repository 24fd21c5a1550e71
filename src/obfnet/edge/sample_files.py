"""Samples from files: arrays as they are, pictures and sound where a sample is one.

A file holds one sample or a batch. Nothing is resized, cropped or guessed: what does not fit is
refused, as the InfNet's own pipeline must make it fit.
"""

from __future__ import annotations

import wave
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from obfnet.errors import MissingExtraError, SampleRejectedError
from obfnet.specs import Samples, SampleSpec

Array = npt.NDArray[Any]

#: Pillow's modes by the channels of a sample.
_MODES = {1: "L", 3: "RGB"}
#: Modes that convert without loss of range or transparency; 16 bits would be clipped at 255.
_PLAIN = ("1", "L", "P", "RGB")
_PICTURE = np.float64(255)
_SOUND = np.float64(1 << 15)


def read(path: Path, spec: SampleSpec) -> Samples:
    """The samples ``(n, *shape)`` in a file, checked.

    Arrays (``.npy``, ``.npz``) are of floats, in the InfNet's own units. The bytes of a picture
    become the range of ``spec``, 0 its least value and 255 its greatest, for samples ``(height,
    width)``, ``(1, height, width)`` or ``(3, height, width)``; it has 8 bits for each value and
    no transparency. A ``.wav`` has one channel of 16
    bits, its silence the middle of the range, for samples ``(frames,)`` or ``(1, frames)``.

    Args:
        path: its name's ending tells what it is, of ``READERS``.
        spec: what a sample looks like.

    Raises:
        SampleRejectedError: another kind of file, one that cannot be read, or no samples of
            ``spec``.
        MissingExtraError: a picture, and Pillow is not installed.
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise SampleRejectedError(
            f"{path} is none of {', '.join(READERS)}: save the sample with numpy.save"
        )
    try:
        found = reader(path, spec)
    except (SampleRejectedError, MissingExtraError):
        raise
    except Exception as error:  # damaged files raise many types
        raise SampleRejectedError(f"{path} cannot be read: {error}") from error
    if found.dtype.kind == "f" and found.dtype != np.float32:
        with np.errstate(over="ignore"):  # infinity is refused below
            found = found.astype(np.float32)
    batch = found[None] if found.shape == spec.shape else found
    try:
        checked = spec.check(batch)
    except SampleRejectedError as error:
        raise SampleRejectedError(f"{path}: {error}") from error
    if not len(checked):
        raise SampleRejectedError(f"{path} holds no sample, expected at least one")
    return checked


def _array(path: Path, spec: SampleSpec) -> Array:
    with path.open("rb") as source:
        found: Array = np.lib.format.read_array(source, allow_pickle=False)
    return found


def _arrays(path: Path, spec: SampleSpec) -> Array:
    with np.load(path, allow_pickle=False) as archive:
        parts = [archive[name] for name in archive.files]
    return np.concatenate([part[None] if part.shape == spec.shape else part for part in parts])


def _picture(path: Path, spec: SampleSpec) -> Array:
    try:
        from PIL import Image
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"{path} is a picture: pip install pillow, or save the sample with numpy.save"
        ) from error
    channels = spec.shape[0] if len(spec.shape) == 3 else 1
    if channels not in _MODES or len(spec.shape) not in (2, 3):
        raise SampleRejectedError(f"{path} is a picture, samples have shape {spec.shape}")
    with Image.open(path) as image:
        if image.mode not in _PLAIN or "transparency" in image.info:
            raise SampleRejectedError(
                f"{path} is a picture of mode {image.mode}, expected 8 bits for each of grey or "
                "red, green and blue, without transparency: convert it as the InfNet's own "
                "pipeline does, or save the sample with numpy.save"
            )
        pixels = np.asarray(image.convert(_MODES[channels]), np.float64)
    height, width = spec.shape[-2:]
    if pixels.shape[:2] != (height, width):
        raise SampleRejectedError(
            f"{path} has {pixels.shape[1]} x {pixels.shape[0]} pixels, expected {width} x {height}"
        )
    planes = pixels.reshape(height, width, channels).transpose(2, 0, 1).reshape(spec.shape)
    return scaled(planes / _PICTURE, spec)


def _sound(path: Path, spec: SampleSpec) -> Array:
    if len(spec.shape) > 2 or spec.shape[:-1] not in ((), (1,)):
        raise SampleRejectedError(f"{path} is sound, samples have shape {spec.shape}")
    with wave.open(str(path), "rb") as source:
        form = source.getnchannels(), source.getsampwidth(), source.getnframes()
        content = source.readframes(form[2])
    if form != (1, 2, spec.size):
        raise SampleRejectedError(
            f"{path} has {form[0]} channels, {8 * form[1]} bits and {form[2]} frames, expected 1, "
            f"16 and {spec.size}"
        )
    values = np.frombuffer(content, "<i2").reshape(spec.shape)
    return scaled((values / _SOUND + 1) / 2, spec)


def scaled(shares: Array, spec: SampleSpec) -> Samples:
    """Shares of the range, from 0 to 1, as values in it."""
    values = (spec.low + (spec.high - spec.low) * shares).astype(np.float32)
    # Rounding may step over the edge of the range.
    return values.clip(np.float32(spec.low), np.float32(spec.high))


#: How each kind of file is read, by the ending of its name.
READERS: Mapping[str, Callable[[Path, SampleSpec], Array]] = MappingProxyType(
    {
        ".npy": _array,
        ".npz": _arrays,
        ".png": _picture,
        ".jpg": _picture,
        ".jpeg": _picture,
        ".bmp": _picture,
        ".wav": _sound,
    }
)
