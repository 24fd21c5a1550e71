"""What several devices' ObfNets tell together: which made a message, and how far pairs carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from obfnet.auditing.attacks.label_only import LabelOnly
from obfnet.auditing.attacks.mlp import MlpDecoder
from obfnet.auditing.attacks.shadow import ShadowDecoder
from obfnet.auditing.evidence import Evidence, Pairs, send
from obfnet.auditing.examination import Examined, Measure
from obfnet.auditing.intervals import of_fraction
from obfnet.auditing.leakage import Leakage, leakage
from obfnet.auditing.subject import Transform
from obfnet.auditing.view import View
from obfnet.errors import NotMeasurableError
from obfnet.forging.loop import build, fit
from obfnet.seeds import branch
from obfnet.specs import Labels, Samples

#: Share of an attack's steps that each decoder here is trained for: there are several.
SHARE = 0.5
#: x', its label, and which ObfNet made it.
_Mixed = tuple[Samples, Labels, Labels]
NOTE = (
    "Telling ObfNets apart is no leakage of x: it tells which device, or which of its ObfNets, "
    "sent a message. Leakage from k colluders' pairs far below that of an attacker with pairs of "
    "the ObfNet itself means that distinct ObfNets do protect each other; as high, that they are "
    "alike to an attacker."
)


def collusion(evidence: Evidence, raw: Evidence, seed: int) -> Examined:
    """Which ObfNet made a message, and what pairs of k other ObfNets tell of one's messages.

    The ObfNet attacked is the subject with its kin as colluders; of a set without kin, one member
    with the others as colluders.

    Args:
        evidence: of a subject with members or kin.
        raw: not looked at: raw samples have no ObfNet to tell.
        seed: fixes drawing and training.

    Raises:
        NotMeasurableError: there is one ObfNet only, or it cannot be queried.
    """
    subject = evidence.known.subject
    if not subject.queries:
        raise NotMeasurableError("needs queries, and these pairs were recorded elsewhere")
    apart = subject.members or (subject.transform, *subject.kin)
    if len(apart) < 2:
        raise NotMeasurableError(
            "there is one ObfNet only: give a set of several, or the ObfNets of other devices "
            "as the subject's kin"
        )
    target = evidence if subject.kin else _of_member(evidence, subject.members[0])
    colluders = subject.kin or subject.members[1:]
    return Examined(
        "collusion",
        "ObfNets that are told apart, and colluding devices",
        "ObfNets of other devices or of the same set, and its own samples",
        (_told_apart(evidence, apart, seed), *_transfer(target, colluders, seed)),
        NOTE,
    )


def _told_apart(evidence: Evidence, apart: Sequence[Transform], seed: int) -> Measure:
    """Accuracy of a classifier of x' and label that says which ObfNet made it."""
    known = evidence.known
    train = _mixed(evidence, apart, known.train.originals, branch(seed, "train"))
    held = _mixed(evidence, apart, known.validation.originals, branch(seed, "validation"))
    judged = _mixed(evidence, apart, evidence.evaluation.originals, branch(seed, "evaluation"))
    view = View(train[0], known.classes)
    seen, held_seen = view(train[0], train[1]), view(held[0], held[1])
    wanted = torch.from_numpy(train[2])
    net = build(lambda: _classifier(view.width, len(apart)), branch(seed, "net"))
    fit(
        net,
        loss=lambda indices: cross_entropy(net(seen[indices]), wanted[indices]),
        score=lambda: float((net(held_seen).argmax(1).numpy() == held[2]).mean()),
        count=len(seen),
        schedule=replace(known.effort.schedule(len(seen), share=SHARE), target=1.0),
        seed=branch(seed, "order"),
        label="which ObfNet",
    )
    with torch.inference_mode():
        guess = net(view(judged[0], judged[1])).argmax(1).numpy()
    hits = int((guess == judged[2]).sum())
    return Measure(
        f"which of {len(apart)} ObfNets made x'",
        hits / len(guess),
        of_fraction(hits, len(guess)),
        floor=_by_label(train, judged, len(apart)),
    )


def _by_label(train: _Mixed, judged: _Mixed, count: int) -> float:
    """Accuracy of the best guess from the label alone; about one in ``count``."""
    overall = int(np.bincount(train[2], minlength=count).argmax())
    guess = np.full(len(judged[2]), overall)
    for label in np.unique(train[1]):
        of_label = np.bincount(train[2][train[1] == label], minlength=count)
        guess[judged[1] == label] = int(of_label.argmax())
    return float((guess == judged[2]).mean())


def _mixed(evidence: Evidence, apart: Sequence[Transform], originals: Samples, seed: int) -> _Mixed:
    """x' of each sample through an ObfNet drawn at random, its label, and which it was."""
    drawn = np.random.default_rng(seed).integers(0, len(apart), len(originals))
    released = np.empty_like(originals)
    for place, transform in enumerate(apart):
        released[drawn == place] = send(transform, originals[drawn == place])
    return released, evidence.known.infnet.predict(released), drawn


def _transfer(target: Evidence, colluders: Sequence[Transform], seed: int) -> list[Measure]:
    """Leakage of the target's messages, by pairs of 1, 2, 4, … and all colluders; then by its own.

    Of a target that draws at random its pairs are those at hand.
    """
    known = target.known
    effort = replace(known.effort, steps=max(1, round(SHARE * known.effort.steps)))
    floor = LabelOnly()(target, branch(seed, "floor"))
    drawn = branch(seed, "bootstrap")
    order = np.random.default_rng(branch(seed, "order")).permutation(len(colluders))
    measures = []
    for count in _counts(len(colluders)):
        kin = tuple(colluders[place] for place in order[:count])
        told = replace(known, effort=effort, subject=replace(known.subject, kin=kin))
        found = ShadowDecoder()(replace(target, known=told), branch(seed, "shadow", count))
        name = f"leakage by pairs of {count} of {len(colluders)} other ObfNets"
        measures.append(_measure(name, leakage(found, floor, drawn)))
    told = replace(known, effort=effort)
    found = MlpDecoder()(replace(target, known=told), branch(seed, "own"))
    return [*measures, _measure("leakage by its own pairs", leakage(found, floor, drawn))]


def _counts(most: int) -> list[int]:
    """1, 2, 4, … and ``most``."""
    return sorted({1 << power for power in range(most.bit_length())} | {most})


def _measure(name: str, found: Leakage) -> Measure:
    return Measure(name, found.value, found.ci, floor=0.0)


def _of_member(evidence: Evidence, member: Transform) -> Evidence:
    """The same samples, all sent through one member of the set."""
    known = evidence.known
    alone = replace(known, subject=replace(known.subject, transform=member, members=()))

    def again(pairs: Pairs) -> Pairs:
        return replace(
            alone.sent(pairs.originals), labels=pairs.labels, attributes=pairs.attributes
        )

    return Evidence(
        replace(
            alone,
            train=again(known.train),
            made=again(known.made),
            validation=again(known.validation),
        ),
        again(evidence.evaluation),
    )


def _classifier(inputs: int, values: int, hidden: int = 256) -> nn.Module:
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.BatchNorm1d(hidden), nn.ReLU(), nn.Linear(hidden, values)
    )
