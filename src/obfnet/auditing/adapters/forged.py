"""What ``obfnet.forge`` made as a subject: a single ObfNet, or one device's set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from obfnet.auditing.subject import Subject, Transform
from obfnet.forging.obfnet import ObfNet, Table
from obfnet.forging.sets import ObfNetSet
from obfnet.mechanisms.entropy import Uniform, choice, system
from obfnet.specs import Samples

#: Samples ``(n, *shape)`` to x', differentiable.
Smooth = Callable[[Tensor], Tensor]


def of_obfnet(obfnet: ObfNet, name: str | None = None) -> Subject:
    """One ObfNet; its cost is of encoder and decoder."""
    return Subject(
        name or obfnet.name,
        obfnet,
        gradients=smooth(obfnet),
        mechanism=obfnet.mechanism,
        cost=obfnet.cost,
    )


def of_set(obfnets: ObfNetSet, name: str | None = None) -> Subject:
    """One device's set, which draws one of its ObfNets for each sample.

    ``twin_accuracy`` is the twin's on validation samples, which chose its checkpoint.
    """
    twin = None if obfnets.twin is None else obfnets.twin.validation_accuracy
    first = obfnets.obfnets[0]
    alone = of_obfnet(first, name)
    if len(obfnets.obfnets) == 1:
        return replace(alone, twin_accuracy=twin)
    return replace(
        alone,
        name=name or f"{first.name} x {len(obfnets.obfnets)}",
        transform=obfnets,
        gradients=any_of([smooth(obfnet) for obfnet in obfnets.obfnets]),
        members=obfnets.obfnets,
        twin_accuracy=twin,
    )


def with_kin(subject: Subject, others: Sequence[ObfNetSet | Transform]) -> Subject:
    """``subject`` with ObfNets of other devices, which an attacker holds instead of it.

    Args:
        subject: what is audited.
        others: sets, each of whose ObfNets counts, or single transforms.
    """
    kin = [
        member
        for other in others
        for member in (other.obfnets if isinstance(other, ObfNetSet) else (other,))
    ]
    return replace(subject, kin=tuple(kin))


def smooth(obfnet: ObfNet) -> Smooth:
    """The form an attacker differentiates: the mechanism relaxed as in training.

    Bits pass the gradient of tanh, noise is drawn anew each time from torch's random state. A
    codebook's rows are mixed by the probabilities of their codes, exemplars by their mean
    (backward pass differentiable approximation: Athalye, Carlini and Wagner, ICML 2018).
    """
    encoder, decoder = obfnet.encoder.eval(), obfnet.decoder.eval()
    if isinstance(decoder, Table):
        means = decoder.rows.mean(dim=1)

        def mixed(samples: Tensor) -> Tensor:
            shares = obfnet.mechanism.relax(encoder(samples)).exp()
            return torch.einsum("nk,k...->n...", shares, means)

        return mixed
    return lambda samples: decoder(obfnet.mechanism.relax(encoder(samples)))


def any_of(forms: Sequence[Smooth]) -> Smooth:
    """One of ``forms`` for each sample, drawn from torch's random state at each call.

    A sample meets one ObfNet of its set, and the attacker does not know which: gradients are
    right in expectation (Athalye et al., Synthesizing Robust Adversarial Examples, ICML 2018).
    The mean of all ObfNets would be x' of none.
    """

    def drawn(samples: Tensor) -> Tensor:
        chosen = torch.randint(len(forms), (len(samples),))
        released = torch.empty_like(samples)
        for number, form in enumerate(forms):
            (places,) = torch.where(chosen == number)
            if len(places):
                released = released.index_copy(0, places, form(samples[places]))
        return released

    return drawn


def one_of(members: Sequence[Transform], uniform: Uniform = system) -> Transform:
    """One of ``members`` for each sample, drawn from the system's generator as on a device.

    Args:
        members: of a set.
        uniform: where the draw comes from instead, to make a figure again.
    """

    def drawn(samples: Samples) -> Samples:
        chosen = choice(len(samples), len(members), uniform)
        released = np.empty_like(samples)
        for number, member in enumerate(members):
            places = chosen == number
            if places.any():
                released[places] = member(samples[places])
        return released

    return drawn
