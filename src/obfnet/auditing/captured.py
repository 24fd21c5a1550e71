"""Captured requests: does anything but the tensor's values tell obfuscated ones from raw ones?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import ExtraTreesClassifier

from obfnet.auditing.intervals import Interval
from obfnet.auditing.ranking import auc, auc_interval_apart
from obfnet.errors import NotMeasurableError
from obfnet.seeds import branch
from obfnet.specs import Labels

#: Requests of each kind at least, so that half of them say anything.
LEAST = 20
TREES = 60
#: Lines, names and places that a classifier may look for.
MARKS = 500


@dataclass(frozen=True)
class Capture:
    """One request as somebody on the path or at the backend sees it.

    Args:
        head: everything before the tensor's bytes: request line, HTTP headers in their order,
            and the JSON part of the body.
        body_length: bytes after the HTTP headers.
        seconds: from the answer before it, or the connection, to its first byte.
    """

    head: bytes
    body_length: int
    seconds: float


@dataclass(frozen=True)
class ToldApart:
    """How well one view of requests tells the two kinds.

    Args:
        view: what is looked at: head, length, timing or all of it.
        auc: probability that an obfuscated request ranks above a raw one, on captures that the
            classifier did not learn from; .5 is a coin.
        ci: its 95 % bootstrap interval.
        count: captures of both kinds it was judged on.
    """

    view: str
    auc: float
    ci: Interval
    count: int


Rows = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def tell_apart(
    raw: Sequence[Capture], obfuscated: Sequence[Capture], seed: int
) -> tuple[ToldApart, ...]:
    """Learn on half of the captures, by every view, and judge on the other half.

    Args:
        raw: requests with raw samples.
        obfuscated: requests with x', captured in the same run and in random order among them, or
            whatever drifts in a run tells them apart.
        seed: fixes halves and classifiers.

    Raises:
        NotMeasurableError: fewer than ``LEAST`` of a kind.
    """
    for what, captures in (("raw", raw), ("obfuscated", obfuscated)):
        if len(captures) < LEAST:
            raise NotMeasurableError(f"{len(captures)} {what} captures, expected {LEAST} or more")
    everything = [*raw, *obfuscated]
    kind = np.repeat([0, 1], [len(raw), len(obfuscated)])
    learnt = _half(kind, seed)
    views = {name: view([everything[i] for i in np.flatnonzero(learnt)])
             for name, view in VIEWS.items()}  # fmt: skip
    return tuple(
        _judged(name, look(everything), kind, learnt, seed)
        for name, look in (*views.items(), ("all", lambda seen: _all(views, seen)))
    )


def _judged(name: str, rows: Rows, kind: Labels, learnt: Mask, seed: int) -> ToldApart:
    forest = ExtraTreesClassifier(
        TREES, min_samples_leaf=5, n_jobs=1, random_state=branch(seed, name) % 2**32
    )
    forest.fit(rows[learnt], kind[learnt])
    # Rounded: the same row must have the same score whatever the order of additions.
    scores = forest.predict_proba(rows[~learnt])[:, 1].round(9)
    plain, hidden = scores[kind[~learnt] == 0], scores[kind[~learnt] == 1]
    interval = auc_interval_apart(plain, hidden, branch(seed, "bootstrap", name))
    return ToldApart(name, auc(plain, hidden), interval, len(scores))


def _half(kind: Labels, seed: int) -> Mask:
    """A random half of each kind, as a mask."""
    generator = np.random.default_rng(branch(seed, "captures"))
    chosen = np.zeros(len(kind), bool)
    for value in (0, 1):
        members = generator.permutation(np.flatnonzero(kind == value))
        chosen[members[: len(members) // 2]] = True
    return chosen


Look = Callable[[Sequence[Capture]], Rows]


def _head(learnt: Sequence[Capture]) -> Look:
    """Marks that occur in the heads learnt from, and how often each byte does."""
    counted = Counter(mark for capture in learnt for mark in _marks(capture.head))
    marks = [mark for mark, _ in counted.most_common(MARKS)]

    def look(captures: Sequence[Capture]) -> Rows:
        return np.array(
            [
                [
                    *(mark in found for mark in marks),
                    *np.bincount(np.frombuffer(capture.head, np.uint8), minlength=256),
                ]
                for capture in captures
                for found in [_marks(capture.head)]
            ],
            np.float64,
        )

    return look


def _marks(head: bytes) -> set[tuple[str, int, bytes]]:
    """Each line, and at which place it is, and which name is at which place."""
    lines = head.split(b"\r\n")
    return {
        *(("line", 0, line) for line in lines),
        *(("place", at, line) for at, line in enumerate(lines)),
        *(("name", at, line.partition(b":")[0]) for at, line in enumerate(lines)),
    }


def _length(learnt: Sequence[Capture]) -> Look:
    return lambda captures: np.array([[len(c.head), c.body_length] for c in captures], np.float64)


def _timing(learnt: Sequence[Capture]) -> Look:
    return lambda captures: np.array([[c.seconds] for c in captures], np.float64)


#: Each learns what to look for from some captures, then turns captures into rows.
VIEWS: Mapping[str, Callable[[Sequence[Capture]], Look]] = MappingProxyType(
    {"head": _head, "length": _length, "timing": _timing}
)


def _all(views: Mapping[str, Look], captures: Sequence[Capture]) -> Rows:
    return np.concatenate([look(captures) for look in views.values()], axis=1)
