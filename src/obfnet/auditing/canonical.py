"""Messages of an ObfNet in a form that is common to ObfNets which were forged alike.

Every one scrambles in its own way. What they share needs no originals to be found: each one's
messages have a mean and a spread, the labels say which of its directions stand for which class,
and all are read by the same InfNet, whose scores mean the same for each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from obfnet.specs import Labels, Samples

#: From fewer messages an ObfNet's own statistics would be noise.
ENOUGH = 64
#: Directions that are kept of x', and messages that they are found from.
DIRECTIONS, LOOKED_AT = 64, 512


@dataclass(frozen=True, eq=False)
class Stream:
    """Messages of one ObfNet.

    Args:
        released: x', ``(n, *shape)``.
        answers: the label of each, ``(n,)``.
        scores: the InfNet's log-probabilities of each, ``(n, classes)``.
    """

    released: Samples
    answers: Labels
    scores: Samples


#: Rows ``(n, width)`` of one ObfNet's messages.
Prepare = Callable[[Stream], Samples]


def as_sent(stream: Stream) -> Samples:
    """x' as it is, beside the InfNet's scores."""
    flat = stream.released.reshape(len(stream.released), -1)
    return np.concatenate([flat, _bounded(stream.scores)], axis=1)


def by_itself(stream: Stream) -> Samples:
    """x' standardised by this ObfNet's own messages, its likeness to each class, and scores.

    Likeness is measured where x' is white, to the mean of each class: numbers that any rotation
    of x' leaves alone.
    """
    flat = stream.released.reshape(len(stream.released), -1)
    scores = _bounded(stream.scores)
    if len(flat) < ENOUGH:
        return np.concatenate([flat, np.zeros_like(scores), scores], axis=1)
    mean = flat.mean(axis=0)
    deviation = flat.std(axis=0)
    typical = float(np.sqrt((deviation**2).mean())) or 1.0
    standard = (flat - mean) / np.maximum(deviation, 0.01 * typical)
    likeness = _likeness(flat - mean, stream.answers, scores.shape[1])
    return np.concatenate([standard, likeness, scores], axis=1).astype(np.float32)


def common(stream: Stream) -> Samples:
    """Likeness and scores alone: what scrambling leaves, where x' itself would only mislead."""
    whole: Samples = by_itself(stream)[:, -2 * stream.scores.shape[1] :]
    return whole


PREPARATIONS: tuple[Prepare, ...] = (as_sent, by_itself, common)


def _likeness(centred: Samples, answers: Labels, classes: int) -> Samples:
    """Inner products ``(n, classes)`` with the class means, where messages are white."""
    places = np.linspace(0, len(centred) - 1, min(len(centred), LOOKED_AT)).round().astype(int)
    _, spread, directions = np.linalg.svd(centred[places], full_matrices=False)
    found = spread > 1e-4 * max(float(spread[0]), 1e-12)
    kept = int(min(DIRECTIONS, found.sum()))
    if not kept:  # every message is the same
        return np.zeros((len(centred), classes), np.float32)
    white = centred @ (directions[:kept].T * (np.sqrt(len(places)) / spread[:kept]))
    means = np.zeros((classes, kept), np.float32)
    for label in np.unique(answers):
        means[label] = white[answers == label].mean(axis=0)
    likeness: Samples = (white @ means.T).astype(np.float32)
    return likeness


def _bounded(scores: Samples) -> Samples:
    """Log-probabilities, cut where they say "impossible"."""
    bounded: Samples = scores.clip(-20, 0)
    return bounded
