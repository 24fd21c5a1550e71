"""MFCC samples as clips that a browser plays."""

from __future__ import annotations

import base64
import io
import wave

import numpy as np
import numpy.typing as npt

from obfnet.data import mfcc
from obfnet.specs import Samples

#: Greatest amplitude of a clip, of 1: all sound equally loud, and none is clipped.
PEAK = 0.9


def clips(samples: Samples) -> list[str]:
    """MFCC ``(n, 1, 20, 45)`` as 16-bit WAV data URIs, about 23 kilobytes each.

    Raises:
        MissingExtraError: librosa is not installed.
    """
    return [data_uri(sound) for sound in mfcc.audio(samples.clip(-1, 1))]


def data_uri(sound: npt.NDArray[np.float32]) -> str:
    """Mono sound ``(audio samples,)`` at ``mfcc.RATE`` as a WAV data URI."""
    loudest = float(np.abs(sound).max(initial=0)) or 1.0
    words = (sound / loudest * PEAK * 32767).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(mfcc.RATE)
        file.writeframes(words.tobytes())
    return "data:audio/wav;base64," + base64.b64encode(buffer.getvalue()).decode()
