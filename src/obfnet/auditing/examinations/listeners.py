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
from obfnet.specs import Labels, Samples, SampleSpec

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
    drawn = branch(seed, "sound") % 2**32  # all that numpy's old generator takes
    made, missing = _made(raw.known.validation.released[:PRACTICE], drawn)
    judged = evidence.evaluation.take(np.arange(min(most, len(evidence.evaluation))))
    plain = _Heard(raw.evaluation.released[:most], judged.labels, drawn)
    obfuscated = _Heard(judged.released, judged.labels, drawn)
    chance = float((judged.labels == np.bincount(known.train.answers).argmax()).mean())
    count, measures = len(judged), []
    for name, listener in made.items():
        hits = obfuscated.hits(listener)
        measures.append(
            Measure(f"digit heard by {name}", hits / count, of_fraction(hits, count), chance,
                    plain.hits(listener) / count, "fraction")
        )  # fmt: skip
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


def _made(practice: Samples, seed: int) -> tuple[dict[str, Listener], list[str]]:
    """The listeners that are installed, and how to install the others.

    Raises:
        NotMeasurableError: there are none, or no librosa.
    """
    made: dict[str, Listener] = {}
    missing: list[str] = []
    try:
        sound = mfcc.audio(practice.clip(-1, 1), seed)
    except MissingExtraError as error:
        raise NotMeasurableError(str(error)) from error
    for name, make in LISTENERS.items():
        try:
            made[name] = make(sound)
        except MissingExtraError as error:
            missing.append(str(error))
    if not made:
        raise NotMeasurableError("; ".join(missing))
    return made, missing


class _Heard:
    """Sound made from MFCC ``(n, 1, 20, 45)``, each distinct one once, for it is slow."""

    def __init__(self, samples: Samples, labels: Labels, seed: int) -> None:
        distinct, places = np.unique(samples.clip(-1, 1), axis=0, return_inverse=True)
        self._sound, self._places = mfcc.audio(distinct, seed), places.reshape(-1)
        self._labels = labels

    def hits(self, listener: Listener) -> int:
        """Clips whose digit the listener heard."""
        return int((listener(self._sound)[self._places] == self._labels).sum())
