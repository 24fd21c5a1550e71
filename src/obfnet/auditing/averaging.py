"""What an attacker keeps of many releases of one sample: enough to average, little to store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from obfnet.auditing.evidence import Known, Pairs, send
from obfnet.specs import Labels, Samples

#: A transform with more different releases than this is not described by counting them.
DISTINCT = 512
#: Releases of one sample whose label is asked for at most, where labels are not known beforehand:
#: a backend's answer costs far more than an average.
LABELLED = 4


@dataclass(frozen=True, eq=False)
class Alphabet:
    """The different x' that a transform releases at all, where they are few.

    Args:
        places: where each of them, as bytes, is counted; empty where there are too many.
        labels: what the backend says of each, ``(places,)``.
    """

    places: Mapping[bytes, int]
    labels: Labels

    def __call__(self, released: Samples) -> Labels:
        """The place of each x' ``(n, *shape)``, -1 where it has none, ``(n,)``."""
        if not self.places:
            return np.full(len(released), -1, np.int64)
        found = [self.places.get(sample.tobytes(), -1) for sample in released]
        return np.array(found, np.int64)


def alphabet(pairs: Pairs) -> Alphabet:
    """The releases that came more than once, if most did and they are few.

    Args:
        pairs: the attacker's own.
    """
    contents = [sample.tobytes() for sample in pairs.released]
    times = Counter(contents)
    often = [content for content, count in times.items() if count > 1]
    repeated = sum(times[content] for content in often)
    if len(often) > DISTINCT or repeated < 0.5 * len(contents):
        return Alphabet({}, np.zeros(0, np.int64))
    labels = dict(zip(contents, pairs.answers, strict=True))
    places = {content: place for place, content in enumerate(often)}
    return Alphabet(places, np.array([labels[content] for content in often], np.int64))


def averaged(
    known: Known, originals: Samples, levels: Sequence[int], letters: Alphabet
) -> Iterator[Pairs]:
    """Send each sample ``levels[-1]`` times; for each level, what is kept of the first so many.

    What is kept is the mean and the deviation of every value, how often each letter came, and
    how often the backend said each label. ``released`` of the pairs is all that as one row
    ``(n, numbers)``, and ``answers`` the label said most often.

    Args:
        known: who sends.
        originals: ``(n, *shape)``.
        levels: rising numbers of repeats.
        letters: what is counted.

    Yields:
        n pairs for each level.
    """
    count = len(originals)
    total = np.zeros((count, originals[0].size))
    squares = np.zeros_like(total)
    counts = np.zeros((count, len(letters.labels)))
    said = np.zeros((count, known.classes))
    unknown = np.full(count, -1, np.int64)
    for repeat in range(1, levels[-1] + 1):
        released = send(known.subject.transform, originals)
        flat = released.reshape(count, -1)
        total += flat
        squares += flat.astype(np.float64) ** 2
        places = letters(released)
        (new,), (met,) = (places < 0).nonzero(), (places >= 0).nonzero()
        counts[met, places[met]] += 1
        said[met, letters.labels[places[met]]] += 1
        if len(new) and repeat <= LABELLED:
            said[new, known.infnet.predict(released[new])] += 1
        if repeat in levels:
            mean = total / repeat
            deviation = np.sqrt((squares / repeat - mean**2).clip(0))
            shares = said / said.sum(axis=1, keepdims=True)
            kept = np.concatenate([mean, deviation, counts / repeat, shares], axis=1)
            yield Pairs(originals, kept.astype(np.float32), said.argmax(axis=1), unknown, {})
