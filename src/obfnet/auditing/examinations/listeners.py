"""Whether machines that never heard obfuscated sound understand it: the paper's own test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from obfnet.auditing.evidence import Evidence, Known
from obfnet.auditing.examination import Examined, Measure
from obfnet.auditing.intervals import of_fraction
from obfnet.auditing.listeners.listener import WORDS, Clips, Listener
from obfnet.auditing.listeners.moonshine import moonshine
from obfnet.auditing.listeners.sphinx import sphinx
from obfnet.data import mfcc
from obfnet.errors import MissingExtraError, NotMeasurableError
from obfnet.seeds import branch
from obfnet.specs import Samples, SampleSpec

#: Each makes a listener from raw clips that it may practise on.
LISTENERS: Mapping[str, Callable[[Clips], Listener]] = MappingProxyType(
    {"Moonshine tiny": moonshine, "PocketSphinx": sphinx}
)
PRACTICE = 30
#: A listener who gets fewer raw clips than this right, beyond chance, is deaf to them.
SANE = 0.2


def listeners(evidence: Evidence, raw: Evidence, seed: int) -> Examined:
    """Play x' to speech recognisers and count the digits they hear, beside raw clips.

    MFCC are turned back into sound first, raw and obfuscated alike, so the two differ in nothing
    else. Classes are taken to be the digits zero to nine, in this order.

    Raises:
        NotMeasurableError: samples are not spoken digits as MFCC of ``data.mfcc``; librosa or
            every listener is missing; or none understands raw clips.
    """
    known, most = evidence.known, evidence.known.effort.optimised
    _check(known)
    judged = evidence.evaluation.take(np.arange(min(most, len(evidence.evaluation))))
    drawn = branch(seed, "sound") % 2**32  # all that numpy's old generator takes
    parts = raw.known.validation.released[:PRACTICE], raw.evaluation.released[:most]
    try:
        practice, plain, obfuscated = (_sound(part, drawn) for part in (*parts, judged.released))
    except MissingExtraError as error:
        raise NotMeasurableError(str(error)) from error
    chance = float((judged.labels == np.bincount(known.train.answers).argmax()).mean())
    measures, missing = [], []
    for name, make in LISTENERS.items():
        try:
            listener = make(practice)
        except MissingExtraError as error:
            missing.append(str(error))
            continue
        clean, found = (
            int((listener(part) == judged.labels).sum()) for part in (plain, obfuscated)
        )
        count = len(judged)
        measures.append(
            Measure(f"digit heard by {name}", found / count, of_fraction(found, count), chance,
                    clean / count, "fraction")
        )  # fmt: skip
    if not measures:
        raise NotMeasurableError("; ".join(missing))
    able = tuple(each for each in measures if (each.raw or 0) >= chance + SANE)
    if not able:
        raise NotMeasurableError(
            f"{', '.join(each.name for each in measures)}: near chance on raw clips too, so what "
            "is not heard in x' means nothing"
        )
    return Examined(
        "listeners",
        "Machine listeners",
        "a speech recogniser that never heard obfuscated sound, and no InfNet",
        able,
        "Digits heard in sound made from x'. Whoever has the InfNet learns the label anyway; this "
        "tells only whether x' still is speech to others. " + " ".join(missing),
    )


def _check(known: Known) -> None:
    wanted = SampleSpec((1, mfcc.COEFFICIENTS, mfcc.FRAMES), -1.0, 1.0)
    if known.kind != "mfcc" or known.spec != wanted or known.classes != len(WORDS):
        raise NotMeasurableError(
            f"listeners need ten spoken digits as MFCC {wanted.shape} in [-1, 1], got "
            f"{known.classes} classes of kind {known.kind!r} {known.spec.shape} in "
            f"[{known.spec.low}, {known.spec.high}]"
        )


def _sound(samples: Samples, seed: int) -> Clips:
    """Sound of MFCC ``(n, 1, 20, 45)``; each distinct one is inverted once, for it is slow."""
    distinct, places = np.unique(samples.clip(-1, 1), axis=0, return_inverse=True)
    sound: Clips = mfcc.audio(distinct, seed)[places.reshape(-1)]
    return sound
