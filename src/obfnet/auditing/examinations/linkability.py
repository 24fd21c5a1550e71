"""Linkability: whether two messages are known to belong together, though nothing is seen of x.

All pairs that are compared have the same label: that the label links is no news. An equal error
rate of one half is a coin, 0 is certainty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from obfnet.auditing.error_rate import Compared, top_one
from obfnet.auditing.evidence import Evidence, Pairs, send
from obfnet.auditing.examination import Examined, Measure
from obfnet.auditing.intervals import Interval, of_fraction
from obfnet.auditing.similarity import Similarity, of_person, of_sample, plain
from obfnet.auditing.view import View
from obfnet.errors import NotMeasurableError
from obfnet.seeds import branch
from obfnet.specs import Labels, Samples

#: Attributes that stand for a person; where data has none of them, every attribute counts.
PERSONS = ("speaker", "writer", "signer", "person")
#: Pairs that are compared, samples that are looked for, and messages to find one among, at most.
PAIRS, PROBES, GALLERY = 20_000, 500, 100
#: Samples that are sent again to learn whether the transform draws at random.
PROBED = 32


@dataclass(frozen=True)
class _Linked:
    """Equal error rate, and how often the right one of a gallery comes first; with chance."""

    rate: float
    rate_ci: Interval
    first: float
    first_ci: Interval
    chance: float
    by: str


def linkability(evidence: Evidence, raw: Evidence, seed: int) -> Examined:
    """Equal error rate and top-1 for the same sample sent twice, and for the same person.

    Args:
        evidence: of the subject.
        raw: of raw samples, for comparison.
        seed: fixes what is drawn and trained.

    Raises:
        NotMeasurableError: nothing can be sent twice and there is no attribute with two values
            among the pairs of one label.
    """
    measures, notes = [], []
    if evidence.known.subject.queries:
        drawn = branch(seed, "sample")
        found, draws = _same_sample(evidence, drawn)
        measures += _measures("same sample sent twice", found, _same_sample(raw, drawn)[0])
        notes.append(_NOTE[draws])
    for attribute in _persons(evidence.evaluation):
        drawn = branch(seed, "person", attribute)
        try:
            found = _same_person(evidence, attribute, drawn)
            first = _same_person(raw, attribute, drawn)
        except NotMeasurableError as error:
            notes.append(f"{attribute}: {error}.")
            continue
        measures += _measures(f"same {attribute}", found, first)
        notes.append(f"{attribute}: by {found.by}.")
    if not measures:
        raise NotMeasurableError(" ".join(notes) or "nothing can be sent, no attribute is known")
    return Examined(
        "linkability",
        "Messages that are linked",
        "pairs (x, x') with attributes, and the label of every message",
        tuple(measures),
        " ".join(["50 % equal error is unlinkable.", *notes]),
    )


_NOTE = {
    True: "x' is drawn at random: two messages of one sample differ.",
    False: (
        "x' is the same whenever a sample is sent again, so repeats are known by construction, "
        "unless other samples give the same x' too."
    ),
}


def _measures(what: str, found: _Linked, raw: _Linked) -> list[Measure]:
    return [
        Measure(f"{what}: equal error rate", found.rate, found.rate_ci, 0.5, raw.rate),
        Measure(
            f"{what}: found in a gallery", found.first, found.first_ci, found.chance, raw.first
        ),
    ]


def _same_sample(evidence: Evidence, seed: int) -> tuple[_Linked, bool]:
    """Link two messages of one sample; and whether the two differ at all."""
    known = evidence.known
    judged = evidence.evaluation.take(np.arange(min(len(evidence.evaluation), 2 * PROBES)))
    probe = known.train.take(np.arange(min(len(known.train), PROBED)))
    draws = not np.array_equal(probe.released, _again(evidence, probe)[0])
    view = View(known.train.released, known.classes)
    tried = [plain(view)]

    def compared(pairs: Pairs, again: tuple[Samples, Labels], similarity: Similarity) -> Compared:
        rows = similarity.rows(pairs.released, pairs.answers)
        others = similarity.rows(again[0], again[1])
        one, other = _of_one_label(pairs.answers, again[1], branch(seed, "pairs"))
        return Compared(similarity.alike(rows[one], others[other]), one == other, one, other)

    if draws:
        held, held_again = known.validation, _again(evidence, known.validation)
        second, answers = _again(evidence, known.train)
        same = answers == known.train.answers

        def score(similarity: Similarity) -> float:
            return -compared(held, held_again, similarity).equal_error_rate()

        first = known.train.released[same]
        tried.append(of_sample(first, second[same], answers[same], view, score, known.effort, seed))
        tried.sort(key=score, reverse=True)
    best, again = tried[0], _again(evidence, judged)
    pairs = compared(judged, again, best)
    galleries = _samples(judged, again, best, branch(seed, "gallery"))
    return _linked(pairs, galleries, best, seed), draws


def _again(evidence: Evidence, pairs: Pairs) -> tuple[Samples, Labels]:
    """x' of the same samples, sent once more, and their labels."""
    released = send(evidence.known.subject.transform, pairs.originals)
    return released, evidence.known.infnet.predict(released)


def _of_one_label(answers: Labels, again: Labels, seed: int) -> tuple[Labels, Labels]:
    """Every sample with itself, and pairs of different ones, all of equal answers."""
    itself = np.flatnonzero(answers == again)
    one, other = _drawn(answers, again, seed)
    return np.concatenate([itself, one]), np.concatenate([itself, other])


def _drawn(answers: Labels, others: Labels, seed: int) -> tuple[Labels, Labels]:
    """Up to ``PAIRS`` pairs of different samples with the same answer, each once."""
    generator = np.random.default_rng(seed)
    found = []
    for label in np.unique(answers):
        one, other = np.flatnonzero(answers == label), np.flatnonzero(others == label)
        if len(other):
            most = round(PAIRS * len(one) / len(answers)) + 1
            pairs = np.stack([generator.choice(one, most), generator.choice(other, most)], axis=1)
            found.append(np.unique(pairs, axis=0))
    pairs = np.concatenate(found) if found else np.zeros((0, 2), np.int64)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    return pairs[:, 0], pairs[:, 1]


def _samples(
    judged: Pairs, again: tuple[Samples, Labels], similarity: Similarity, seed: int
) -> list[tuple[float, float]]:
    """For each sample: whether its second message finds the first in a gallery; and chance."""
    generator = np.random.default_rng(seed)
    rows = similarity.rows(judged.released, judged.answers)
    others = similarity.rows(again[0], again[1])
    found = []
    for number in np.flatnonzero(judged.answers == again[1])[:PROBES]:
        crowd = np.flatnonzero(judged.answers == again[1][number])
        crowd = generator.permutation(crowd[crowd != number])[: GALLERY - 1]
        if len(crowd):
            gallery = np.append(crowd, number)
            scores = similarity.alike(rows[gallery], others[[number]])
            found.append((top_one(scores, len(crowd)), 1 / len(gallery)))
    return found


def _persons(pairs: Pairs) -> list[str]:
    """Attributes that stand for a person, or else all."""
    return [name for name in PERSONS if name in pairs.attributes] or list(pairs.attributes)


def _same_person(evidence: Evidence, attribute: str, seed: int) -> _Linked:
    """Link messages of different samples that have the same value of ``attribute``."""
    known, judged = evidence.known, evidence.evaluation
    view = View(known.train.released, known.classes)

    def compared(pairs: Pairs, similarity: Similarity) -> Compared:
        values = pairs.attributes[attribute]
        one, other = _drawn(pairs.answers, pairs.answers, branch(seed, "pairs"))
        same = values[one] == values[other]
        if same.all() or not same.any():
            raise NotMeasurableError("no two samples of one label to tell apart by it")
        rows = similarity.rows(pairs.released, pairs.answers)
        return Compared(similarity.alike(rows[one], rows[other]), same, one, other)

    def score(similarity: Similarity) -> float:
        return -compared(known.validation, similarity).equal_error_rate()

    compared(judged, plain(view))  # measurable at all, before anything is trained
    train, values = known.train, known.train.attributes[attribute]
    learned = of_person(train.released, train.answers, values, view, score, known.effort, seed)
    best = max([plain(view), *learned], key=score)
    galleries = _people(judged, attribute, best, branch(seed, "gallery"))
    return _linked(compared(judged, best), galleries, best, seed)


def _people(
    judged: Pairs, attribute: str, similarity: Similarity, seed: int
) -> list[tuple[float, float]]:
    """For each sample: whether its person is found in a gallery of one other sample of each."""
    generator = np.random.default_rng(seed)
    values, answers = judged.attributes[attribute], judged.answers
    rows = similarity.rows(judged.released, answers)
    found = []
    for number in range(min(len(judged), PROBES)):
        crowd = np.flatnonzero(answers == answers[number])
        crowd = generator.permutation(crowd[crowd != number])
        people, places = np.unique(values[crowd], return_index=True)
        right = np.flatnonzero(people == values[number])
        if len(right) and len(people) > 1:
            scores = similarity.alike(rows[crowd[places]], rows[[number]])
            found.append((top_one(scores, int(right[0])), 1 / len(people)))
    return found


def _linked(
    pairs: Compared, galleries: Sequence[tuple[float, float]], by: Similarity, seed: int
) -> _Linked:
    if not galleries:
        raise NotMeasurableError("no sample has another of its label to be told from")
    first, chance = (np.array(galleries, np.float64)).mean(axis=0)
    hits = round(first * len(galleries))
    return _Linked(
        pairs.equal_error_rate(),
        pairs.interval(branch(seed, "interval")),
        float(first),
        of_fraction(hits, len(galleries)),
        float(chance),
        by.name,
    )
