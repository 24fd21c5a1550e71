"""Samples as PNG data URIs: pictures as they are, MFCC as heat maps."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from obfnet.specs import Samples, SampleSpec


def data_uri(sample: Samples, spec: SampleSpec, height: int = 84) -> str:
    """One sample ``(channels, rows, columns)`` as a PNG of about ``height`` pixels.

    Values outside the range of ``spec`` are shown at its ends.
    """
    scaled = (sample.clip(spec.low, spec.high) - spec.low) / (spec.high - spec.low)
    pixels = (scaled * 255).round().astype(np.uint8)
    if len(pixels) == 3:
        image = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    else:
        # Frequency grows upwards in a heat map that is wider than high; pictures stay upright.
        plane = pixels[0][::-1] if pixels.shape[2] > pixels.shape[1] else pixels[0]
        image = Image.fromarray(np.ascontiguousarray(plane))
    factor = max(1, height // image.height)
    image = image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
