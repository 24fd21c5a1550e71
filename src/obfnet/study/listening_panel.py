"""A panel that is asked what was sent: machines that only know raw samples, and one that adapts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from obfnet.auditing.subject import Subject
from obfnet.data.dataset import Dataset
from obfnet.forging.loop import Schedule
from obfnet.seeds import branch
from obfnet.specs import Labels, Samples
from obfnet.study.alternatives_offer import Bench
from obfnet.study.confusion import constant_guess, scored
from obfnet.study.listening_adaptive import learned

ADAPTIVE = "adaptive, learnt from what is sent"


@dataclass(frozen=True)
class Counts:
    """How many samples at most.

    Args:
        asked: that everybody is asked about, of the evaluation part.
        learnt: that the adaptive one learns from.
        chosen: that it chooses its checkpoint by.
    """

    asked: int
    learnt: int
    chosen: int

    def fewer(self, share: int) -> Counts:
        """One in ``share`` of each."""
        return Counts(self.asked // share, self.learnt // share, self.chosen // share)


@dataclass(frozen=True, eq=False)
class Panel:
    """Who is asked, and how a sample reaches them.

    Args:
        bench: data, splits and seed.
        fixed: by name, who never saw an obfuscated sample: from what is sensed to labels, -1 for
            nothing.
        sense: samples to what is sensed: sound, or the pictures themselves.
        features: what is sensed to ``(n, channels, height, width)`` for the adaptive one.
        counts: how many samples.
        schedule: of the adaptive one.
    """

    bench: Bench
    fixed: Mapping[str, Callable[[Any], Labels]]
    sense: Callable[[Samples], Any]
    features: Callable[[Any], Samples]
    counts: Counts
    schedule: Schedule

    def __call__(self, subject: Subject) -> dict[str, Any]:
        """A row's ``listeners`` and ``attributes``, of evaluation samples only.

        Attributes are told by the adaptive one: the others know digits only. Chance is the most
        frequent value of the samples that the adaptive one learns from. What the label alone tells
        is told by the InfNet's answers to x', which the backend has, as in an audit.
        """
        place, quick = self.bench.place, self.bench.quick
        counts = self.counts.fewer(10) if quick else self.counts
        schedule = replace(self.schedule, epochs=1) if quick else self.schedule
        parts = (
            drawn(self.bench, "attacker_train", counts.learnt),
            drawn(self.bench, "attacker_validation", counts.chosen),
            drawn(self.bench, "evaluation", counts.asked),
        )
        held = parts[-1]
        sent = tuple(subject.transform(part.samples) for part in parts)
        sensed = [self.sense(each) for each in sent]
        train, check, seen = (self.features(each) for each in sensed)

        def told(name: str, values: list[Labels]) -> Labels:
            """By whoever is better on samples to choose by: of what is sensed, or of x' itself."""
            seed = branch(place.seed, "adaptive", subject.name, name)
            told_by = []
            for (own, chosen, asked), dense in (((train, check, seen), False), (sent, True)):
                guess, score = learned(
                    (own, values[0]),
                    (chosen, values[1]),
                    schedule,
                    seed,
                    f"adaptive: {name}",
                    dense,
                )
                told_by.append((score, guess(asked)))
            return max(told_by, key=lambda each: each[0])[1]

        classes = len(held.classes)
        chance = constant_guess(parts[0].labels, held.labels)
        found = {
            name: scored(held.labels, recognise(sensed[-1]), classes, chance)
            for name, recognise in self.fixed.items()
        }
        digits = told("label", [part.labels for part in parts])
        found[ADAPTIVE] = scored(held.labels, digits, classes, chance, adaptive=True)
        known, asked = (self.bench.infnet.predict(each) for each in (sent[0], sent[-1]))
        attributes = {}
        for name, names in held.attribute_names.items():
            values = [part.attributes[name] for part in parts]
            chance = constant_guess(values[0], values[-1])
            score = scored(values[-1], told(name, values), len(names), chance, adaptive=True)
            by_label = _by_label(known, values[0], asked)
            attributes[name] = {
                "accuracy": score["accuracy"],
                "accuracy_ci": score["accuracy_ci"],
                "chance": score["chance"],
                "label_only": float((by_label == values[-1]).mean()),
            }
        return {"listeners": found, "attributes": attributes, "evaluated": len(held)}


def drawn(bench: Bench, part: str, count: int) -> Dataset:
    """At most ``count`` samples of a part of the splits, the same each time."""
    place = bench.place
    order = np.random.default_rng(branch(place.seed, "panel", part))
    return place.data.take(order.permutation(getattr(place.splits, part))[:count])


def _by_label(answers: Labels, values: Labels, asked: Labels) -> Labels:
    """The most frequent value among those with the same answer, or of all where it is new."""
    most = np.full(int(max(answers.max(), asked.max())) + 1, np.bincount(values).argmax())
    for answer in np.unique(answers):
        most[answer] = np.bincount(values[answers == answer]).argmax()
    found: Labels = most[asked]
    return found
