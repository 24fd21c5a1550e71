"""What an attacker gains who receives the same sample many times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from obfnet.auditing.attacks.label_only import LabelOnly
from obfnet.auditing.attacks.mlp import MlpDecoder
from obfnet.auditing.averaging import alphabet, averaged
from obfnet.auditing.effort import Effort
from obfnet.auditing.evidence import Evidence, Pairs, send
from obfnet.auditing.examination import Examined, Measure
from obfnet.auditing.leakage import Leakage, leakage
from obfnet.errors import NotMeasurableError
from obfnet.mechanisms.composition import compose
from obfnet.seeds import branch

#: How often a sample is sent.
LEVELS = (1, 4, 16, 64, 256, 1024)
#: Releases for each of an effort's pairs at most, over all samples and repeats.
RELEASES = 16
#: Samples that a decoder learns from at least: fewer repeats are tried before fewer samples.
LEAST = 900
#: Samples whose repeats are compared.
COMPARED = 256
#: Share of an effort's steps that the decoder of each level takes.
SHARE = 0.25
NAME, TITLE = "repeats", "The same sample sent many times"
KNOWS = "pairs (x, m releases of x), each release a fresh draw, and the labels"


def repeats(evidence: Evidence, raw: Evidence, seed: int) -> Examined:
    """Leakage to a decoder that averages m releases of a sample, for rising m.

    Samples are the same for each m, and so is the decoder: only m differs. Every decoder sees
    the mean and deviation of each value, how often each x' came where only some ever come, and
    how often each label was said.

    Args:
        evidence: of the subject.
        raw: of raw samples.
        seed: fixes decoders.

    Raises:
        NotMeasurableError: nothing can be sent.
    """
    known = evidence.known
    if not known.subject.queries:
        raise NotMeasurableError("needs queries, and these pairs were recorded elsewhere")
    changed = _changed(evidence)
    first = Measure("distinct answers to a repeat", changed, raw=0.0, unit="share")
    if not changed:
        return Examined(
            NAME, TITLE, KNOWS, (first, *_certified(evidence, LEVELS[:1])),
            "Each sample always gives the same x', so a repeat tells nothing more.",
        )  # fmt: skip
    levels, count = plan(known.effort, len(known.train))
    few = (count, max(1, count // 4), max(1, count // 4))
    letters = alphabet(known.train)
    kept = [averaged(known, part.originals, levels, letters) for part in _first(evidence, few)]
    found = [_leakage(_seen(evidence, *pairs), seed) for pairs in zip(*kept, strict=True)]
    plain = _leakage(_seen(raw, *_first(raw, few)), seed)
    measures = [
        Measure(
            f"leakage after {_times(level)}",
            each.value,
            each.ci,
            floor=0.0,
            raw=plain.value,
            unit="leakage",
        )
        for level, each in zip(levels, found, strict=True)
    ]
    return Examined(
        NAME, TITLE, KNOWS, (first, *measures, *_certified(evidence, levels)),
        f"Decoders of {count} samples each, fewer than other attacks have: read how leakage "
        "rises, not how high it is.",
    )  # fmt: skip


def plan(effort: Effort, pairs: int) -> tuple[tuple[int, ...], int]:
    """Numbers of repeats, and how many of the attacker's pairs are sent so often."""
    budget = RELEASES * effort.pairs
    least = min(LEAST, pairs)
    levels = tuple(level for level in LEVELS if level == 1 or level * least <= budget)
    return levels, min(pairs, budget // levels[-1])


def _changed(evidence: Evidence) -> float:
    """Share of samples whose x' is another when they are sent again."""
    originals = evidence.evaluation.originals[:COMPARED]
    one, other = (send(evidence.known.subject.transform, originals) for _ in range(2))
    return float((one != other).reshape(len(originals), -1).any(axis=1).mean())


def _first(evidence: Evidence, few: tuple[int, int, int]) -> list[Pairs]:
    """The first ``few`` pairs to train with, to choose by, and to be judged on."""
    parts = (evidence.known.train, evidence.known.validation, evidence.evaluation)
    return [
        part.take(np.arange(min(most, len(part)))) for part, most in zip(parts, few, strict=True)
    ]


def _seen(evidence: Evidence, train: Pairs, held: Pairs, judged: Pairs) -> Evidence:
    """``evidence`` with what was kept of many releases in place of x'."""
    known = evidence.known
    effort = replace(known.effort, steps=max(1, round(SHARE * known.effort.steps)))
    none = train.take(np.zeros(0, np.int64))
    known = replace(known, train=train, made=none, validation=held, effort=effort)
    return Evidence(known, judged)


def _leakage(seen: Evidence, seed: int) -> Leakage:
    """What a decoder recovers beyond the label."""
    attack = MlpDecoder()(seen, branch(seed, "decoder"))
    return leakage(attack, LabelOnly()(seen, seed), branch(seed, "bootstrap"))


def _certified(evidence: Evidence, levels: tuple[int, ...]) -> Iterator[Measure]:
    """What a mechanism proves of so many releases through ObfNets drawn at random."""
    subject = evidence.known.subject
    if subject.mechanism is None:
        return
    for level in levels:
        bound = compose(subject.mechanism, repeats=level, obfnets=max(1, len(subject.members)))
        if bound.certified:
            yield Measure(f"certified bound after {_times(level)}", bound.bits, unit="bits")


def _times(level: int) -> str:
    return f"{level:,} release{'s' if level > 1 else ''}"
