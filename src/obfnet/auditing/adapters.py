"""Anything that turns x into x' as a subject: sets of ObfNets, torch modules, callables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from obfnet.auditing.subject import Subject, Transform
from obfnet.errors import SpecError
from obfnet.forging.obfnet import ObfNet, Table
from obfnet.forging.sets import ObfNetSet
from obfnet.specs import Samples

#: Anything that can be audited.
Auditable = Subject | ObfNetSet | ObfNet | nn.Module | Transform


def subject_of(transform: Auditable, name: str | None = None) -> Subject:
    """``transform`` as a subject.

    Args:
        transform: a ``Subject``, ``ObfNetSet``, ``ObfNet``, torch module, or a callable from
            float32 samples ``(n, *shape)`` to the same shape and dtype.
        name: for tables; by default the transform's own.

    Raises:
        SpecError: it is none of these.
    """
    if isinstance(transform, Subject):
        return transform
    for kind, adapt in ADAPTERS:
        if isinstance(transform, kind):
            return adapt(transform, name)
    if callable(transform):
        return Subject(name or str(getattr(transform, "__name__", "transform")), transform)
    raise SpecError(f"expected something to call with samples, got a {type(transform).__name__}")


def of_module(module: nn.Module, name: str | None) -> Subject:
    """A torch module, called in eval mode without gradients, with gradients for who attacks."""
    module.eval()

    def transform(samples: Samples) -> Samples:
        with torch.inference_mode():
            released: Samples = module(torch.tensor(samples)).numpy()
        return released

    return Subject(name or type(module).__name__, transform, gradients=module)


def of_obfnet(obfnet: ObfNet, name: str | None) -> Subject:
    """One ObfNet; its cost is of encoder and decoder."""
    return Subject(
        name or obfnet.name, obfnet, gradients=smooth(obfnet), mechanism=obfnet.mechanism
    )


def of_set(obfnets: ObfNetSet, name: str | None) -> Subject:
    """One device's set, which draws one of its ObfNets for each sample."""
    if len(obfnets.obfnets) == 1:
        return of_obfnet(obfnets.obfnets[0], name)
    first = obfnets.obfnets[0]
    return Subject(
        name or f"{first.name} x {len(obfnets.obfnets)}",
        obfnets,
        mechanism=first.mechanism,
        members=obfnets.obfnets,
    )


def smooth(obfnet: ObfNet) -> Callable[[Tensor], Tensor]:
    """The form an attacker differentiates: the mechanism relaxed as in training.

    A codebook's rows are mixed by the probabilities of their codes (backward pass differentiable
    approximation: Athalye, Carlini and Wagner, ICML 2018).
    """
    encoder, decoder = obfnet.encoder.eval(), obfnet.decoder.eval()
    if isinstance(decoder, Table):
        means = decoder.rows.mean(dim=1)

        def mixed(samples: Tensor) -> Tensor:
            shares = encoder(samples).softmax(dim=1)
            return torch.einsum("nk,k...->n...", shares, means)

        return mixed
    return lambda samples: decoder(obfnet.mechanism.relax(encoder(samples)))


ADAPTERS: tuple[tuple[type, Callable[[Any, str | None], Subject]], ...] = (
    (ObfNetSet, of_set),
    (ObfNet, of_obfnet),
    (nn.Module, of_module),
)
