"""Rows by choice: public samples that the InfNet recognises, found by asking it alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from obfnet.errors import NotForgeableError, SampleRejectedError, SpecError
from obfnet.forging.pool import distinct
from obfnet.forging.table import (
    LEAST_PROBABILITY,
    RecognisedRows,
    check_request,
    classes_of,
    recognise,
    says_labels_only,
)
from obfnet.nets.frozen import InfNet, Scores
from obfnet.seeds import branch
from obfnet.specs import Labels, Samples, SampleSpec

#: Samples of the pool that are asked about at once; so many more than needed at most.
AT_ONCE = 64


def decoy_rows(
    infnet: InfNet,
    spec: SampleSpec,
    codes: int,
    seed: int,
    exemplars: int = 8,
    confidence: float = 0.99,
    *,
    pool: Samples,
    most_queries: int | None = None,
    taken: Sequence[Tensor] = (),
) -> RecognisedRows:
    """One table; see ``decoy_tables``."""
    (table,) = decoy_tables(
        infnet,
        spec,
        codes,
        [seed],
        exemplars,
        confidence,
        pool=pool,
        most_queries=most_queries,
        taken=taken,
    )
    return table


def decoy_tables(
    infnet: InfNet,
    spec: SampleSpec,
    codes: int,
    seeds: Sequence[int],
    exemplars: int = 8,
    confidence: float = 0.99,
    *,
    pool: Samples,
    most_queries: int | None = None,
    taken: Sequence[Tensor] = (),
) -> list[RecognisedRows]:
    """Choose each code's exemplars among public samples that the InfNet recognises as its class.

    The pool is asked about once for all tables, in an order that the seeds fix, until every
    class has enough samples for every table. Tables then choose at random among them. No two
    share a sample where a class has enough; where it has not, samples are reused as evenly as
    can be, never within one table.

    An InfNet that answers with labels only has no confidence to ask for; its label is taken.

    Args:
        infnet: the frozen classifier; is only asked.
        spec: shape and value range of a sample.
        codes: K, a multiple of the number of classes; row k stands for class ``k % classes``.
        seeds: one for each table.
        exemplars: E, how many samples each code has.
        confidence: least probability of its class that a sample is taken with.
        pool: public samples ``(n, *shape)``. They must be none that the ObfNet is trained,
            validated, tested or audited on, and may not be private: they leave the device as
            they are. ``obfnet.forging.pool.refuse_overlap`` finds exact copies; the rest is the
            caller's duty.
        most_queries: samples of the pool to ask about at most; by default all of them.
        taken: rows ``(K, E, *shape)`` of tables that exist, whose samples are left out.

    Raises:
        SpecError: the pool holds no samples of this spec, K is no multiple of the number of
            classes, or a number makes no sense.
        NotForgeableError: too few samples of a class are recognised for even one table.
    """
    check_request(exemplars, confidence)
    if most_queries is not None and most_queries < 1:
        raise SpecError(f"expected most_queries of at least 1, got {most_queries}")
    if not seeds:
        return []
    try:
        spec.check(pool)
    except SampleRejectedError as error:
        raise SpecError(f"the pool: {error}") from None
    known = [rows.flatten(0, 1).numpy() for rows in taken]
    fresh = distinct(pool, np.concatenate([pool[:0], *known]))
    order = np.random.default_rng(branch(seeds[0], "pool", *seeds[1:])).permutation(fresh)
    asked, answers = _ask(
        infnet, pool, order[:most_queries], codes, len(seeds) * exemplars, confidence
    )
    reached, found = np.exp(answers.max(1)), answers.argmax(1)
    good = reached >= confidence
    counts = np.bincount(found[good], minlength=answers.shape[1])
    needed = codes // len(counts) * exemplars
    if counts.min() < needed:
        label = int(counts.argmin())
        raise NotForgeableError(
            f"class {label}: {counts[label]} of the {len(asked)} public samples asked about are "
            f"recognised as it with probability {confidence} or more, expected at least {needed}: "
            "add samples of that class to the pool, allow more queries, or ask for fewer exemplars"
        )
    uses = np.zeros(len(asked), np.int64)
    return [
        _choose(pool, asked, answers, np.where(good, found, -1), uses, codes, exemplars, seed)
        for seed in seeds
    ]


def _ask(
    infnet: InfNet,
    pool: Samples,
    order: Labels,
    codes: int,
    each: int,
    confidence: float,
) -> tuple[Labels, Scores]:
    """Which samples were asked about ``(n,)``, and the answers ``(n, classes)``.

    Stops when there are ``each`` for every code.
    """
    if not len(order):
        raise SpecError(
            "the pool is empty, or every sample of it is taken: bring public samples of each class"
        )
    parts: list[Scores] = []
    for start in range(0, len(order), AT_ONCE):
        said = infnet.log_probabilities(pool[order[start : start + AT_ONCE]])
        if not parts:
            bare = says_labels_only(said)
            classes = said.shape[1]
            missing = np.full(classes, each * len(classes_of(codes, classes)) // classes)
        parts.append(_sure(said) if bare else said)
        good = np.exp(parts[-1].max(1)) >= confidence
        missing -= np.bincount(parts[-1].argmax(1)[good], minlength=classes)
        if (missing <= 0).all():
            break
    answers = np.concatenate(parts)
    return order[: len(answers)], answers


def _sure(answers: Scores) -> Scores:
    """A bare label is an answer that is given with probability 1, however it was written."""
    hard = np.full_like(answers, np.log(LEAST_PROBABILITY))
    hard[np.arange(len(hard)), answers.argmax(1)] = 0
    return hard


def _choose(
    pool: Samples,
    asked: Labels,
    answers: Scores,
    found: Labels,
    uses: Labels,
    codes: int,
    exemplars: int,
    seed: int,
) -> RecognisedRows:
    """One table; counts in ``uses`` what it takes."""
    classes = answers.shape[1]
    needed = codes // classes * exemplars
    generator = np.random.default_rng(seed)
    chosen = np.empty((codes, exemplars), np.int64)
    for label in range(classes):
        candidates = generator.permutation(np.flatnonzero(found == label))
        least_used = candidates[np.argsort(uses[candidates], kind="stable")][:needed]
        uses[least_used] += 1
        chosen[label::classes] = least_used.reshape(-1, exemplars)
    return recognise(pool[asked[chosen]], answers[chosen], len(asked), "take others")
