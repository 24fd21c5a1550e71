"""The floor under scores other than squared error: the best one picture of each label."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from obfnet.auditing.attack import Attack
from obfnet.auditing.evidence import Known
from obfnet.auditing.scores import SCORES, SMOOTH
from obfnet.forging.loop import fit
from obfnet.seeds import branch
from obfnet.specs import Labels, Samples

#: Of each label, samples among which the medoid is sought, and samples it must be close to.
MEDOIDS, REFERENCES = 16, 48
#: Validation samples that pictures are chosen by.
HELD = 1_000
#: Of the effort's steps, those that one table is trained for, and how fast.
SHARE, RATE = 0.15, 2e-2

#: One picture ``(*shape)`` that stands for samples ``(n, *shape)``.
Picture = Callable[[Samples], Samples]


class LabelConditional(Attack):
    """Answers one picture for each label, another one under each score.

    A decoder that sees nothing but a label is a table with a picture for each. Under squared
    error the mean is the best there is. Under another score the candidates are the mean, the
    median and the medoid of a label's samples, and the best of them on validation pairs is then
    trained under the score itself. To draw the answer at random would be no better: every score
    is a mean over samples.
    """

    name = "label-conditional"
    knows = "the label"
    floor = True

    def fit(self, known: Known, seed: int) -> None:
        """Find the best table ``(classes, *shape)`` under each score."""
        self._tables = {"mse": _table(known, _mean)}
        candidates = [self._tables["mse"], _table(known, _median)]
        for score in SCORES:
            if score == "mse":
                continue
            medoids = _table(known, partial(_medoid, known, score, branch(seed, "medoids", score)))
            best = min([*candidates, medoids], key=partial(_error, known, score))
            self._tables[score] = _trained(best, known, score, branch(seed, "table", score))

    def reconstruct(self, released: Samples, answers: Labels) -> Samples:
        """The best picture of each answer under squared error; x' is not looked at."""
        pictures: Samples = self._tables["mse"][answers]
        return pictures

    def tailored(self, released: Samples, answers: Labels) -> Mapping[str, Samples]:
        """The best picture of each answer under each score."""
        return {score: table[answers] for score, table in self._tables.items()}


def _table(known: Known, picture: Picture) -> Samples:
    """A picture of each label's samples, of all samples where a label never occurs."""
    train = known.train
    table = np.stack([picture(train.originals)] * known.classes)
    for label in np.unique(train.answers):
        table[label] = picture(train.originals[train.answers == label])
    return table


def _mean(samples: Samples) -> Samples:
    mean: Samples = samples.mean(axis=0)
    return mean


def _median(samples: Samples) -> Samples:
    return np.asarray(np.median(samples, axis=0), np.float32)


def _medoid(known: Known, score: str, seed: int, samples: Samples) -> Samples:
    """The sample that is closest to others of its kind."""
    drawn = np.random.default_rng(seed).permutation(len(samples))
    references = samples[drawn[:REFERENCES]]
    distances = [
        SCORES[score](
            references, np.broadcast_to(samples[one], references.shape), known.spec
        ).mean()
        for one in drawn[:MEDOIDS]
    ]
    medoid: Samples = samples[drawn[int(np.argmin(distances))]]
    return medoid


def _error(known: Known, score: str, table: Samples) -> float:
    """Mean distance of the attacker's validation samples from their label's picture."""
    held = known.validation.take(np.arange(min(HELD, len(known.validation))))
    return float(SCORES[score](held.originals, table[held.answers], known.spec).mean())


def _trained(table: Samples, known: Known, score: str, seed: int) -> Samples:
    """``table`` after gradient steps under the score, at its best on validation pairs."""
    train, distance = known.train, SMOOTH[score]
    answers, originals = torch.from_numpy(train.answers), torch.from_numpy(train.originals)
    pictures = _Pictures(torch.from_numpy(table), known.spec.low, known.spec.high)
    fit(
        pictures,
        loss=lambda i: distance(originals[i], pictures(answers[i]), known.spec).mean(),
        score=lambda: -_error(known, score, pictures.table().detach().numpy()),
        count=len(train),
        schedule=known.effort.schedule(
            len(train), RATE * (known.spec.high - known.spec.low), SHARE
        ),
        seed=seed,
        label=f"label-conditional: {score}",
    )
    with torch.inference_mode():
        return np.asarray(pictures.table().numpy().copy())


class _Pictures(nn.Module):
    """A table of pictures ``(classes, *shape)`` within the value range."""

    def __init__(self, table: Tensor, low: float, high: float) -> None:
        super().__init__()
        self.values = nn.Parameter(table.clone())
        self._low, self._high = low, high

    def table(self) -> Tensor:
        """The pictures; a value at the end of its range still gets the gradient to come back."""
        return self.values + (self.values.clamp(self._low, self._high) - self.values).detach()

    def forward(self, answers: Tensor) -> Tensor:
        return self.table()[answers]
