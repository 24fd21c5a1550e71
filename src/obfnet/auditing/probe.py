"""Attribute inference: what x' tells of who spoke, who wrote, or anything else labelled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from obfnet.auditing.evidence import Evidence
from obfnet.auditing.intervals import Interval, of_fraction
from obfnet.auditing.view import View
from obfnet.forging.loop import Schedule, build, fit
from obfnet.specs import Labels


@dataclass(frozen=True)
class Probed:
    """How often an attribute was guessed right.

    Args:
        accuracy: of the attacker, as a fraction of evaluation samples.
        accuracy_ci: its 95 % interval.
        chance: accuracy of the best constant guess, chosen on the attacker's samples.
        label_only: accuracy of guessing from the label alone, likewise.
    """

    accuracy: float
    accuracy_ci: Interval
    chance: float
    label_only: float


def probe(evidence: Evidence, attribute: str, seed: int) -> Probed | None:
    """Train a classifier of ``attribute`` on the attacker's pairs and judge it.

    The attacker guesses from the label alone instead where the classifier does no better on
    the attacker's own validation pairs.

    Returns:
        None where the attribute has one value only: nothing can be measured.
    """
    known = evidence.known
    wanted = known.train.attributes[attribute]
    held = known.validation.attributes[attribute]
    truth = evidence.evaluation.attributes[attribute]
    values = int(max(wanted.max(), held.max(), truth.max())) + 1
    if len(np.unique(truth)) < 2 or len(np.unique(wanted)) < 2:
        return None
    view = View(known.train.released, known.classes)
    seen = view(known.train.released, known.train.answers)
    held_seen = view(known.validation.released, known.validation.answers)
    judged = view(evidence.evaluation.released, evidence.evaluation.answers)
    target = torch.from_numpy(wanted)

    net = build(lambda: _classifier(view.width, values), seed)
    trained = fit(
        net,
        loss=lambda indices: cross_entropy(net(seen[indices]), target[indices]),
        score=lambda: float((net(held_seen).argmax(1).numpy() == held).mean()),
        count=len(seen),
        schedule=Schedule(epochs=30, batch=128, rate=1e-3, patience=8),
        seed=seed,
        label=f"attack: {attribute}",
    )
    by_label = _by_label(known.train.answers, wanted, known.classes)
    blind = by_label[evidence.evaluation.answers]
    if trained.score > (held == by_label[known.validation.answers]).mean():
        with torch.inference_mode():
            guess = net(judged).argmax(1).numpy()
    else:
        guess = blind
    hits = int((guess == truth).sum())
    constant = int(np.bincount(wanted).argmax())
    return Probed(
        hits / len(truth),
        of_fraction(hits, len(truth)),
        chance=float((truth == constant).mean()),
        label_only=float((truth == blind).mean()),
    )


def _by_label(answers: Labels, wanted: Labels, classes: int) -> Labels:
    """The most frequent value of the attribute for each label, ``(classes,)``."""
    guess = np.full(classes, np.bincount(wanted).argmax())
    for label in np.unique(answers):
        guess[label] = np.bincount(wanted[answers == label]).argmax()
    return guess


def _classifier(inputs: int, values: int, hidden: int = 512) -> nn.Module:
    return nn.Sequential(
        nn.Linear(inputs, hidden),
        nn.BatchNorm1d(hidden),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(hidden, hidden),
        nn.BatchNorm1d(hidden),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(hidden, values),
    )
