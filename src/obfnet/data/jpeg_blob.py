"""Pictures as JPEG in one blob of bytes, as the packed datasets hold them."""

from __future__ import annotations

import io
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from PIL import Image

from obfnet.specs import Samples


def pictures(
    jpeg: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    indices: Iterable[int],
    side: int,
) -> Samples:
    """The pictures at ``indices``, ``(n, 3, side, side)`` float32, pixel / 255 in [0, 1].

    Args:
        jpeg: all files one after another.
        offsets: ``(count + 1,)`` where each begins, and where the last one ends.
        indices: which.
        side: pixels; a picture of another size is averaged down to it.
    """
    chosen = list(indices)
    samples = np.empty((len(chosen), 3, side, side), np.float32)
    for sample, index in zip(samples, chosen, strict=True):
        content = io.BytesIO(jpeg[offsets[index] : offsets[index + 1]].tobytes())
        image: Image.Image = Image.open(content).convert("RGB")
        if image.size != (side, side):
            image = image.resize((side, side), Image.Resampling.BOX)
        np.multiply(np.asarray(image).transpose(2, 0, 1), np.float32(1 / 255), out=sample)
    return samples
