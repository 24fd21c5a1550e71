"""What a listener is: clips to which of ten digits it heard, a forced choice."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from obfnet.data.mfcc import RATE
from obfnet.errors import MissingExtraError
from obfnet.specs import Labels

#: Mono sound ``(n, audio samples)`` at ``data.mfcc.RATE``.
Clips = npt.NDArray[np.float32]

#: The digit heard in each clip ``(n,)``, -1 where nothing was heard.
Listener = Callable[[Clips], Labels]

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
#: Both recognisers were trained on sound of twice the rate.
HEARD_RATE = 2 * RATE
LOUDNESS = 0.6  # peak; a recogniser expects speech that is neither faint nor clipped


def heard(clip: npt.NDArray[np.float32], pause: float) -> npt.NDArray[np.float32]:
    """``clip`` at ``HEARD_RATE``, at an even peak, between two pauses of so many seconds."""
    times = HEARD_RATE // RATE
    # All of the sound lies below the new half rate: a longer spectrum, and nothing in the rest.
    sound = times * np.fft.irfft(np.fft.rfft(clip), times * len(clip))
    sound = LOUDNESS * sound / max(float(np.abs(sound).max()), 1e-6)
    return np.pad(sound, round(pause * HEARD_RATE)).astype(np.float32)


def folder_of(package: str, wheel: str) -> Path:
    """Where ``package`` is installed; it is not imported.

    Args:
        package: its name in Python.
        wheel: its name for pip.

    Raises:
        MissingExtraError: it is not installed.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(
            f"listener {package} is not installed: pip install 'obfnet[listeners]', or "
            f"pip install --no-deps {wheel}"
        )
    return Path(spec.submodule_search_locations[0])
