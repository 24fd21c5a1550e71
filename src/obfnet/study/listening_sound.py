"""Sound made from MFCC, each distinct sample once and batch by batch, kept: it is slow."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path

import numpy as np

from obfnet.auditing.listeners.listener import Clips
from obfnet.data import mfcc
from obfnet.progress import say
from obfnet.specs import Samples
from obfnet.study.kept import kept, key

BATCH = 100


def sound_of(samples: Samples, seed: int, folder: Path) -> Clips:
    """Sound ``(n, LENGTH)`` of MFCC ``(n, 1, 20, 45)``; values outside [-1, 1] are clipped.

    Args:
        samples: x or x'.
        seed: start of the phase that was lost, the same for all.
        folder: finished batches are kept there.

    Raises:
        MissingExtraError: librosa is not installed.
    """
    distinct, places = np.unique(samples.clip(-1, 1), axis=0, return_inverse=True)
    batches = [distinct[start : start + BATCH] for start in range(0, len(distinct), BATCH)]
    made = []
    for number, batch in enumerate(batches, start=1):
        say(f"  MFCC to audio, part {number} of {len(batches)}")
        name = key(batch=batch.tobytes().hex(), seed=seed, recipe=mfcc.recipe())
        make = partial(mfcc.audio, batch, seed)
        made.append(kept(folder / f"{name}.npy", make, _dump, _load))
    clips: Clips = np.concatenate(made)[places.reshape(-1)]
    return clips


def _dump(clips: Clips) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, clips, allow_pickle=False)
    return buffer.getvalue()


def _load(content: bytes) -> Clips:
    clips: Clips = np.load(io.BytesIO(content), allow_pickle=False)
    return clips
