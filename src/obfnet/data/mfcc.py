"""MFCC samples of short clips, 20 coefficients x 45 frames scaled to [-1, 1], and their inverse."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType

import numpy as np
import numpy.typing as npt

from obfnet import progress
from obfnet.errors import MissingExtraError, SpecError
from obfnet.specs import Samples

RATE = 8000  # samples per second
COEFFICIENTS = 20
FRAMES = 45
WINDOW = 512  # 64 ms
HOP = 192  # 24 ms, so that 45 frames cover what all but .5 % of the clips need
MELS = 64
LENGTH = (FRAMES - 1) * HOP  # 8,448 audio samples, 1.056 s
FLOOR = 1e-6  # least mel power: silence and padding are -60 dB
# Per coefficient, the .1 and 99.9 percentile of the 3,000 clips of fsd, rounded outwards.
LOW = np.array(
    [
        -480,
        -42,
        -54,
        -59,
        -60,
        -57,
        -50,
        -40,
        -39,
        -29,
        -35,
        -30,
        -28,
        -24,
        -27,
        -23,
        -25,
        -20,
        -24,
        -18,
    ],
    np.float32,
)
HIGH = np.array(
    [-85, 142, 78, 59, 23, 32, 20, 25, 18, 19, 19, 16, 16, 16, 11, 15, 11, 13, 11, 14],
    np.float32,
)
BATCH = 100  # clips at once: bounds memory and moves the progress bar


def unify(clip: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """``clip`` cut, or padded with silence at its end, to ``LENGTH`` audio samples."""
    audio = np.asarray(clip, dtype=np.float32)
    if audio.ndim != 1:
        raise SpecError(f"a clip has shape {audio.shape}, expected mono (audio samples,)")
    return np.pad(audio[:LENGTH], (0, max(0, LENGTH - len(audio))))


def features(clips: Iterable[npt.ArrayLike]) -> Samples:
    """MFCC of mono clips at ``RATE``.

    Args:
        clips: each ``(any length,)``, in [-1, 1]; see :func:`unify` for the length.

    Returns:
        ``(n, 1, 20, 45)`` float32 in [-1, 1], see :func:`scale`. A clip's sample does not depend
        on the other clips.

    Raises:
        MissingExtraError: librosa is not installed.
    """
    librosa = _librosa()
    audio = np.stack([unify(clip) for clip in clips])
    batches = range(0, len(audio), BATCH)
    return np.concatenate(
        [scale(_mfcc(librosa, audio[i : i + BATCH])) for i in progress.track(batches, "MFCC")]
    )


def audio(samples: Samples, seed: int = 0) -> npt.NDArray[np.float32]:
    """Sound whose MFCC are about ``samples``: the inverse that lets a person listen.

    The lost phase is found by Griffin-Lim, started from ``seed``; the same samples and seed give
    the same sound.

    Args:
        samples: ``(n, 1, 20, 45)`` float32 in [-1, 1].
        seed: start of the phase.

    Returns:
        ``(n, LENGTH)`` float32 at ``RATE``.

    Raises:
        MissingExtraError: librosa is not installed.
    """
    librosa = _librosa()
    clips = []
    for mfcc in progress.track(unscale(samples), "MFCC to audio", total=len(samples)):
        # The three steps of librosa.feature.inverse.mfcc_to_audio, which takes no seed.
        mel = librosa.feature.inverse.mfcc_to_mel(mfcc, n_mels=MELS)
        spectrum = librosa.feature.inverse.mel_to_stft(mel, sr=RATE, n_fft=WINDOW)
        clips.append(
            librosa.griffinlim(
                spectrum, hop_length=HOP, n_fft=WINDOW, length=LENGTH, random_state=seed
            )
        )
    return np.stack(clips).astype(np.float32, copy=False)


def scale(mfcc: npt.NDArray[np.float32]) -> Samples:
    """``(n, 20, 45)`` MFCC to samples ``(n, 1, 20, 45)``: ``LOW`` to -1, ``HIGH`` to 1, clipped.

    Around zero, not above it: the paper's nets have no normalisation of their own, and on
    samples in [0, 1] its I_C learns more slowly.
    """
    low, high = LOW[:, None], HIGH[:, None]
    scaled = np.clip(2 * (mfcc - low) / (high - low) - 1, -1, 1)
    return np.asarray(scaled[:, None], np.float32)


def unscale(samples: Samples) -> npt.NDArray[np.float32]:
    """Samples ``(n, 1, 20, 45)`` to MFCC ``(n, 20, 45)``; the inverse of :func:`scale`."""
    low, high = LOW[:, None], HIGH[:, None]
    share = (samples[:, 0] + 1) / 2
    return np.asarray(share * (high - low) + low, np.float32)


def recipe() -> str:
    """Everything the features depend on besides the audio: parameters and librosa's version.

    Raises:
        MissingExtraError: librosa is not installed.
    """
    try:
        librosa = version("librosa")
    except PackageNotFoundError as error:
        raise _missing() from error
    parameters = (RATE, COEFFICIENTS, FRAMES, WINDOW, HOP, MELS, FLOOR, LOW.tolist(), HIGH.tolist())
    return f"librosa {librosa} {parameters} to [-1, 1]"


def _mfcc(librosa: ModuleType, clips: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """MFCC ``(n, 20, 45)``, unscaled, of unified clips ``(n, LENGTH)``."""
    power = librosa.feature.melspectrogram(
        y=clips, sr=RATE, n_fft=WINDOW, hop_length=HOP, n_mels=MELS
    )
    # An absolute floor: librosa's default is relative to the loudest value of the whole batch.
    decibels = librosa.power_to_db(power, amin=FLOOR, top_db=None)
    mfcc: npt.NDArray[np.float32] = librosa.feature.mfcc(S=decibels, n_mfcc=COEFFICIENTS)
    return mfcc


def _librosa() -> ModuleType:
    """librosa, imported when first needed: it takes seconds and is an extra."""
    try:
        import librosa
    except ImportError as error:
        raise _missing() from error
    module: ModuleType = librosa
    return module


def _missing() -> MissingExtraError:
    return MissingExtraError(
        "MFCC need librosa, which is not installed: pip install 'obfnet[audio]'"
    )
