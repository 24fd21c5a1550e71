"""Rows by search: smooth random samples, improved by asking the InfNet alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from obfnet.errors import SpecError
from obfnet.forging.table import (
    RecognisedRows,
    check_request,
    classes_of,
    recognise,
    says_labels_only,
)
from obfnet.nets.frozen import InfNet, Scores
from obfnet.specs import Labels, Samples, SampleSpec

#: Standard deviation of a start's values before the sigmoid, and of the first steps from it.
SPREAD, STEP = 3.5, 2.1
#: A step that helps grows the next ones by this, one that does not shrinks them by a quarter of
#: its power: they keep their length when one in five helps (Rechenberg 1973).
GROWTH, LONGEST = 1.5, 4 * STEP
#: Random starts for each row that is wanted; each row takes the one that is most like its class.
STARTS = 2

Waves = npt.NDArray[np.float64]


def search_rows(
    infnet: InfNet,
    spec: SampleSpec,
    codes: int,
    seed: int,
    exemplars: int = 1,
    confidence: float = 0.99,
    most_queries: int = 1000,
    waves: int = 7,
) -> RecognisedRows:
    """One table; see ``search_tables``."""
    (table,) = search_tables(
        infnet, spec, codes, [seed], exemplars, confidence, most_queries, waves
    )
    return table


def search_tables(
    infnet: InfNet,
    spec: SampleSpec,
    codes: int,
    seeds: Sequence[int],
    exemplars: int = 1,
    confidence: float = 0.99,
    most_queries: int = 1000,
    waves: int = 7,
) -> list[RecognisedRows]:
    """Find rows with neither gradients nor a pool, by queries alone.

    A row is a sum of the ``waves`` longest cosines along each axis, put into the value range by
    a sigmoid. It takes random steps and keeps those after which its class is at least as likely
    (a (1+1) evolution strategy; Rechenberg 1973; low frequencies as in Guo, Frank and Weinberger
    2019). On the paper's nets for digits and MNIST alike a row takes about 25 queries in the mean,
    and a table of ten 140 to 470; ``docs/rows.md`` says how to measure it. An InfNet of
    many classes, or of large colour pictures, takes more.

    Args:
        infnet: the frozen classifier; is only asked.
        spec: shape and value range of a sample.
        codes: K, a multiple of the number of classes; row k stands for class ``k % classes``.
        seeds: one for each table, which does not depend on the others.
        exemplars: E, how many rows each code has.
        confidence: a row stops once it has this probability of its class.
        most_queries: queries for each row at most, at least 3; a row must then have at least
            ``LEAST_CONFIDENCE``.
        waves: cosines along each axis, at least 1. Few suit pictures and MFCC; where neighbours
            have nothing in common, take the length of the axis.

    Raises:
        SpecError: the InfNet answers with labels only, K is no multiple of the number of
            classes, or a number makes no sense.
        NotForgeableError: a row is still not recognised as its class.
    """
    check_request(exemplars, confidence)
    if most_queries <= STARTS or waves < 1:
        raise SpecError(
            f"expected most_queries above {STARTS} and waves >= 1, got {most_queries} and {waves}"
        )
    if not seeds:
        return []
    each, size = codes * exemplars, int(np.prod(_counts(spec, waves)))
    starts = np.stack(
        [np.random.default_rng(seed).standard_normal((STARTS * each, size)) for seed in seeds]
    ) * (SPREAD / size**0.5)
    first = infnet.log_probabilities(_compose(starts.reshape(-1, size), spec, waves))
    if says_labels_only(first):
        raise SpecError(
            f"{type(infnet).__name__} answers with labels only, which give a search nothing to "
            "climb: take 'decoy' rows"
        )
    classes = first.shape[1]
    wanted = classes_of(codes, classes).repeat(exemplars)
    first = first.reshape(len(seeds), -1, classes)
    picked = np.stack([_best(table, wanted) for table in first])
    tables = np.arange(len(seeds))[:, None]
    found = starts[tables, picked].reshape(-1, size)
    answers = first[tables, picked].reshape(-1, classes)
    wanted = np.tile(wanted, len(seeds))
    draws = [np.random.default_rng([seed, row]) for seed in seeds for row in range(each)]
    queries = np.full(len(found), STARTS)
    steps = np.full(len(found), STEP / size**0.5)
    for _ in range(most_queries - STARTS):
        going = np.flatnonzero(answers[np.arange(len(found)), wanted] < np.log(confidence))
        if not len(going):
            break
        moves = np.stack([draws[row].standard_normal(size) for row in going])
        tried = found[going] + steps[going, None] * moves
        said = infnet.log_probabilities(_compose(tried, spec, waves))
        queries[going] += 1
        # Where nothing changes a step counts as good: longer ones find the way off a plateau.
        goal = wanted[going]
        good = said[np.arange(len(going)), goal] >= answers[going, goal]
        found[going[good]], answers[going[good]] = tried[good], said[good]
        steps[going] *= np.where(good, GROWTH, GROWTH**-0.25)
        steps = steps.clip(max=LONGEST / size**0.5)
    rows = _compose(found, spec, waves).reshape(len(seeds), codes, exemplars, *spec.shape)
    return [
        recognise(
            rows[table],
            answers.reshape(len(seeds), codes, exemplars, classes)[table],
            int(queries.reshape(len(seeds), each)[table].sum()),
            f"each was searched for with {most_queries} queries; allow more queries or waves, or "
            "take 'decoy' rows",
        )
        for table in range(len(seeds))
    ]


def _best(answers: Scores, wanted: Labels) -> Labels:
    """For each row the start that is most like its class; rows of one class take different ones."""
    places = np.empty(len(wanted), np.int64)
    for label in np.unique(wanted):
        rows = np.flatnonzero(wanted == label)
        places[rows] = np.argsort(-answers[:, label], kind="stable")[: len(rows)]
    return places


def _counts(spec: SampleSpec, waves: int) -> tuple[int, ...]:
    return tuple(min(length, waves) for length in spec.shape)


def _compose(coefficients: Waves, spec: SampleSpec, waves: int) -> Samples:
    """Samples ``(n, *shape)`` of coefficients ``(n, size)``."""
    values = coefficients.reshape(-1, *_counts(spec, waves))
    for axis, length in enumerate(spec.shape, start=1):
        place = (np.arange(length) + 0.5) / length
        cosines = np.cos(np.pi * np.outer(place, np.arange(min(length, waves))))
        cosines[:, 1:] *= 2**0.5
        values = np.moveaxis(np.tensordot(values, cosines, (axis, 1)), -1, axis)
    share = 0.5 + 0.5 * np.tanh(values / 2)
    within = spec.low + (spec.high - spec.low) * share
    return within.astype(np.float32).clip(spec.low, spec.high)
