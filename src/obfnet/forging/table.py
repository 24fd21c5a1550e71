"""The rows of a codebook: samples the InfNet recognises, found before any data is seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from obfnet.errors import ForgeError, SpecError
from obfnet.nets.frozen import InfNet
from obfnet.specs import Labels, SampleSpec

#: A row recognised with less may be answered otherwise by another runtime.
LEAST_CONFIDENCE = 0.9


@dataclass(frozen=True, eq=False)
class RecognisedRows:
    """Rows of a table and what the InfNet says of them.

    Args:
        rows: ``(K, *shape)`` within the value range of a raw sample.
        log_probabilities: ``(K, classes)``, the InfNet's answer to each row.
        labels: ``(K,)``, the class that the InfNet recognises in each row.
    """

    rows: Tensor
    log_probabilities: Tensor
    labels: Labels


def optimise_rows(
    infnet: InfNet,
    spec: SampleSpec,
    codes: int,
    seed: int,
    confidence: float = 0.99,
    steps: int = 1000,
) -> RecognisedRows:
    """Move random rows along the InfNet's gradients until row k is recognised as its class.

    Each row starts from its own random draw, so two seeds give two unlike tables. A sigmoid
    keeps every value inside ``[spec.low, spec.high]``: on the wire a row looks like any sample.

    Args:
        infnet: the frozen classifier.
        spec: shape and value range of a sample.
        codes: K, a multiple of the number of classes; row k stands for class ``k % classes``.
        seed: fixes the random start.
        confidence: stop once every row has this probability of its class.
        steps: stop after this many; every row must then have at least ``LEAST_CONFIDENCE``.

    Raises:
        SpecError: K is no multiple of the number of classes.
        ForgeError: a row is still not recognised as its class.
    """
    generator = torch.Generator().manual_seed(seed)
    start = torch.randn(codes, *spec.shape, generator=generator)
    free = start.requires_grad_(True)
    classes = infnet.logits(_bounded(start.detach()[:2], spec)).shape[1]
    if codes % classes:
        raise SpecError(f"expected a multiple of the InfNet's {classes} classes, got {codes} codes")
    wanted = torch.arange(codes) % classes
    optimiser = torch.optim.Adam([free], 0.1)
    for _ in range(steps):
        logits = infnet.logits(_bounded(free, spec))
        reached = logits.detach().softmax(1).gather(1, wanted[:, None])
        if bool((reached >= confidence).all()):
            break
        (gradient,) = torch.autograd.grad(cross_entropy(logits, wanted), free)
        free.grad = gradient
        optimiser.step()
    rows = _bounded(free.detach(), spec)
    with torch.inference_mode():
        log_probabilities = infnet.logits(rows).log_softmax(1).clone()
    labels = log_probabilities.argmax(1).numpy()
    reached = log_probabilities.exp().gather(1, wanted[:, None]).squeeze(1)
    lost = np.flatnonzero(reached.numpy() < LEAST_CONFIDENCE)
    if len(lost):
        raise ForgeError(
            f"{len(lost)} of {codes} rows are not recognised as their class after {steps} steps "
            f"(first: row {lost[0]} with probability {reached[lost[0]]:.2f}, expected at least "
            f"{LEAST_CONFIDENCE}): does the InfNet answer with logits, or with a softmax?"
        )
    return RecognisedRows(rows, log_probabilities, labels)


def _bounded(free: Tensor, spec: SampleSpec) -> Tensor:
    within = spec.low + (spec.high - spec.low) * free.sigmoid()
    return within.clamp(spec.low, spec.high)  # rounding may step over the edge
