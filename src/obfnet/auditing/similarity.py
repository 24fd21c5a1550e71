"""How alike two messages are to an attacker who wants to know whether they belong together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from obfnet.auditing.effort import Effort
from obfnet.auditing.intervals import Values
from obfnet.auditing.view import View
from obfnet.forging.loop import build, fit
from obfnet.seeds import branch
from obfnet.specs import Labels, Samples

#: Share of an attack's steps for a net that is trained here.
SHARE = 0.5
#: How sharply messages of the same sample are told from others; usual for contrastive losses.
TEMPERATURE = 0.1


@dataclass(frozen=True, eq=False)
class Similarity:
    """Rows of messages, and how alike two lists of rows are.

    Args:
        name: in tables.
        rows: x' ``(n, *shape)`` and labels ``(n,)`` to ``(n, width)``.
        alike: rows ``(p, width)`` of both sides to ``(p,)``; higher is more alike.
    """

    name: str
    rows: Callable[[Samples, Labels], Samples]
    alike: Callable[[Samples, Samples], Values]


def nearness(one: Samples, other: Samples) -> Values:
    """Minus the squared distance; rounded, so that equal messages are equally alike."""
    near: Values = -((one - other).astype(np.float64) ** 2).sum(axis=1).round(5)
    return near


def agreement(one: Samples, other: Samples) -> Values:
    """The logarithm of the inner product."""
    product = (one.astype(np.float64) * other).sum(axis=1)
    agreed: Values = np.log(product.clip(1e-12)).round(5)
    return agreed


def distinct(released: Samples, answers: Labels) -> tuple[Labels, Labels]:
    """Where each different message first occurs, and which of those each message ``(n,)`` is."""
    known: dict[bytes, int] = {}
    firsts: list[int] = []
    places = np.empty(len(released), np.int64)
    for place, (message, label) in enumerate(zip(released, answers, strict=True)):
        mark = message.tobytes() + int(label).to_bytes(8, "big")
        if mark not in known:
            known[mark] = len(firsts)
            firsts.append(place)
        places[place] = known[mark]
    return np.array(firsts, np.int64), places


def plain(view: View) -> Similarity:
    """Distance of standardised x'."""
    return Similarity("distance of x'", lambda x, y: view(x, y).numpy(), nearness)


def of_person(
    released: Samples,
    answers: Labels,
    persons: Labels,
    view: View,
    score: Callable[[Similarity], float],
    effort: Effort,
    seed: int,
) -> list[Similarity]:
    """A net that learns who is who, read in two ways.

    By its guesses: how much likelier it is that both are of one person than that they are of
    two drawn at random. And by the layer below, which also serves for persons it never met.

    Args:
        released: the attacker's x' ``(n, *shape)``.
        answers: their labels.
        persons: who each is of, ``(n,)``.
        view: how a net sees a message.
        score: how well a similarity does on validation pairs, higher is better.
        effort: bounds the training.
        seed: fixes it.
    """
    seen, wanted = view(released, answers), torch.from_numpy(persons)
    scale = torch.from_numpy(np.bincount(persons).clip(1) / len(persons)).float().sqrt()
    body = build(lambda: _body(view.width), branch(seed, "body"))
    head = build(lambda: nn.Linear(HIDDEN, len(scale)), branch(seed, "head"))
    net = nn.Sequential(body, head)

    def guesses(rows: Tensor) -> Tensor:
        shares: Tensor = net(rows).softmax(1) / scale
        return shares

    found = [
        Similarity("guessed persons", _read(guesses, view), agreement),
        Similarity("learned distance", _read(lambda rows: normalize(body(rows)), view), nearness),
    ]
    fit(
        net,
        loss=lambda indices: cross_entropy(net(seen[indices]), wanted[indices]),
        score=lambda: max(map(score, found)),
        count=len(seen),
        schedule=effort.schedule(len(seen), share=SHARE),
        seed=branch(seed, "order"),
        label="linkability: persons",
    )
    return found


def of_sample(
    first: Samples,
    second: Samples,
    answers: Labels,
    view: View,
    score: Callable[[Similarity], float],
    effort: Effort,
    seed: int,
) -> Similarity:
    """A net that learns which two messages are of the same sample, among those of one label.

    Args:
        first: x' of the attacker's samples ``(n, *shape)``.
        second: x' of the same samples, sent again.
        answers: the label of both.
        view: how a net sees a message.
        score: how well a similarity does on validation pairs, higher is better.
        effort: bounds the training.
        seed: fixes it.
    """
    one, other, labels = view(first, answers), view(second, answers), torch.from_numpy(answers)
    net = build(lambda: nn.Sequential(_body(view.width), nn.Linear(HIDDEN, 64)), seed)
    found = Similarity("learned distance", _read(lambda rows: normalize(net(rows)), view), nearness)

    def loss(indices: Tensor) -> Tensor:
        alike = normalize(net(one[indices])) @ normalize(net(other[indices])).T / TEMPERATURE
        apart = labels[indices][:, None] != labels[indices]
        alike = alike.masked_fill(apart, -1e9)
        own = torch.arange(len(indices))
        return cross_entropy(alike, own) + cross_entropy(alike.T, own)

    fit(
        net,
        loss=loss,
        score=lambda: score(found),
        count=len(one),
        schedule=effort.schedule(len(one), share=SHARE),
        seed=branch(seed, "order"),
        label="linkability: samples",
    )
    return found


HIDDEN = 512


def _body(inputs: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(inputs, HIDDEN),
        nn.BatchNorm1d(HIDDEN),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(HIDDEN, HIDDEN),
        nn.BatchNorm1d(HIDDEN),
        nn.ReLU(),
    )


def _read(net: Callable[[Tensor], Tensor], view: View) -> Callable[[Samples, Labels], Samples]:
    """Each different message is computed once, so that equal ones are alike to the last digit."""

    def rows(released: Samples, answers: Labels) -> Samples:
        firsts, places = distinct(released, answers)
        with torch.inference_mode():
            found: Samples = net(view(released[firsts], answers[firsts])).numpy()
        return found[places]

    return rows
