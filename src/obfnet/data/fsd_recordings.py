"""The 3,000 recordings of the Free Spoken Digit Dataset: fetched, checked and read."""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
import wave
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from obfnet.data.mfcc import RATE
from obfnet.data.sources import Resource, at, obtain
from obfnet.errors import DataCorruptError

HOME = "https://github.com/Jakobovski/free-spoken-digit-dataset"
NAME = re.compile(r"(?P<digit>\d)_(?P<speaker>[a-z]+)_(?P<index>\d+)\.wav")
LARGEST_WAV_BYTES = 1 << 17
LARGEST_TAR_BYTES = 1 << 28

Recordings = Mapping[str, bytes]


def recordings() -> Recordings:
    """The wav files by name, ``"7_jackson_32.wav"``, sorted by name.

    Raises:
        DataUnavailableError, DataCorruptError, StorageError: see :func:`sources.obtain`.
    """
    return obtain(ARCHIVE)


def waveform(wav: bytes) -> npt.NDArray[np.float32]:
    """``(audio samples,)`` in [-1, 1) of a mono wav file of 16 bits at 8 kHz.

    Raises:
        DataCorruptError: it is no such file.
    """
    try:
        with wave.open(io.BytesIO(wav)) as file:
            layout = (file.getnchannels(), file.getsampwidth(), file.getframerate())
            frames = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise DataCorruptError(
            f"not a wav file ({error}); expected mono, 16 bits, 8 kHz"
        ) from error
    if layout != (1, 2, RATE):
        raise DataCorruptError(
            f"a wav file has (channels, bytes, rate) {layout}, expected (1, 2, {RATE})"
        )
    return np.frombuffer(frames, "<i2").astype(np.float32) / np.float32(32768)


def _read(path: Path) -> Recordings:
    """The recordings in a tar of any compression, read in memory: no path is ever written.

    Members are known by their bare name, so the folder that GitHub adds does not matter, and
    everything that is not named like a recording is passed over.
    """
    found: dict[str, bytes] = {}
    total = 0
    with tarfile.open(path, "r:*") as archive:
        for member in archive:
            total += member.size
            if total > LARGEST_TAR_BYTES:
                raise ValueError(f"unpacks to more than {LARGEST_TAR_BYTES} bytes")
            name = member.name.rpartition("/")[2]
            if not member.isreg() or not NAME.fullmatch(name):
                continue
            content = archive.extractfile(member)
            if content is None or member.size > LARGEST_WAV_BYTES or name in found:
                raise ValueError(f"{member.name} is repeated or larger than {LARGEST_WAV_BYTES}")
            found[name] = content.read()
    return dict(sorted(found.items()))


def _digest(found: Recordings) -> str:
    """SHA-256 over name, NUL, length in decimal, NUL and bytes of every recording, by name."""
    state = hashlib.sha256()
    for name, wav in found.items():
        state.update(f"{name}\0{len(wav)}\0".encode() + wav)
    return state.hexdigest()


# GitHub packs its archives anew from time to time, so only the recordings have a stable digest.
ARCHIVE: Resource[Recordings] = Resource(
    "fsdd_recordings.tar.xz",
    "997e451901d158bdf09dde66b240f3f19310fdbf4d9c056ebd806254df4a672c",
    _read,
    _digest,
    (
        at(f"{HOME}/archive/refs/heads/master.tar.gz"),
        at(f"{HOME}/archive/refs/tags/v1.0.10.tar.gz"),
    ),
)
