"""FSD: 3,000 spoken digits of six speakers as MFCC samples (Jackson et al. 2018, v1.0.10)."""

from __future__ import annotations

import numpy as np

from obfnet.data import delivery, mfcc
from obfnet.data.dataset import Dataset
from obfnet.data.feature_cache import cached
from obfnet.data.fsd_recordings import ARCHIVE, HOME, NAME, recordings, waveform
from obfnet.specs import Labels, Samples, SampleSpec

# As in the dataset's metadata.py, which is code and so is not run.
ACCENTS = {
    "george": "GRC/Greek",
    "jackson": "USA/neutral",
    "lucas": "DEU/German",
    "nicolas": "BEL/French",
    "theo": "USA/neutral",
    "yweweler": "DEU/German",
}
FOUR_SPEAKERS = ("jackson", "nicolas", "theo", "yweweler")
OFFICIAL_TEST = 5  # recordings 0-4 of each digit and speaker


def load() -> Dataset:
    """All 3,000 clips: ``(3000, 1, 20, 45)`` MFCC in [-1, 1], see :mod:`obfnet.data.mfcc`.

    Private attributes are ``speaker`` (6), ``accent`` (4), ``loudness`` and ``duration``, two
    each, measured; groups are speakers. Clips are ordered by name (digit, speaker, index as text).

    Raises:
        MissingExtraError: librosa is not installed.
        DataUnavailableError, DataCorruptError, StorageError: see :func:`sources.obtain`.
    """
    return _load("fsd", tuple(ACCENTS))


def load_four_speakers() -> Dataset:
    """The 2,000 clips of ``FOUR_SPEAKERS``, as the paper's FSD had them; otherwise as ``load``."""
    return _load("fsd4", FOUR_SPEAKERS)


def _load(name: str, speakers: tuple[str, ...]) -> Dataset:
    content = cached("fsd", f"{ARCHIVE.sha256} {mfcc.recipe()}", _compute)
    digit, speaker, index = content["digit"], content["speaker"], content["index"]
    accents = tuple(sorted({ACCENTS[one] for one in speakers}))
    chosen = np.isin(speaker, [list(ACCENTS).index(one) for one in speakers])
    # Codes of the chosen speakers count from 0, so that chance is one over their number.
    code = np.searchsorted(np.unique(speaker[chosen]), speaker[chosen])
    accent_of = np.array([accents.index(ACCENTS[one]) for one in speakers])
    samples, labels = content["samples"][chosen], digit[chosen]
    return Dataset(
        name=name,
        samples=samples,
        labels=labels,
        groups=code,
        spec=SampleSpec((1, mfcc.COEFFICIENTS, mfcc.FRAMES), -1.0, 1.0),
        classes=tuple("0123456789"),
        licence="CC BY-SA 4.0",
        home=HOME,
        attributes={
            "speaker": code,
            "accent": accent_of[code],
            "loudness": delivery.loud(samples, labels),
            "duration": delivery.long(samples, labels),
        },
        attribute_names={
            "speaker": speakers,
            "accent": accents,
            "loudness": delivery.VOLUMES,
            "duration": delivery.LENGTHS,
        },
        official_test=index[chosen] < OFFICIAL_TEST,
        kind="mfcc",
    )


def _compute() -> dict[str, Samples | Labels]:
    """Samples and the three numbers in every recording's name, for the feature cache."""
    found = recordings()
    names = [match for match in map(NAME.fullmatch, found) if match]
    speakers = list(ACCENTS)
    return {
        "samples": mfcc.features(waveform(wav) for wav in found.values()),
        "digit": np.array([int(match["digit"]) for match in names]),
        "speaker": np.array([speakers.index(match["speaker"]) for match in names]),
        "index": np.array([int(match["index"]) for match in names]),
    }
