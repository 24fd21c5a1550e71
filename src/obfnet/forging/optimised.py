"""Rows by gradients: random samples moved until the InfNet recognises them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from obfnet.errors import SpecError
from obfnet.forging.table import (
    LEAST_CONFIDENCE,
    RecognisedRows,
    check_request,
    classes_of,
    recognise,
)
from obfnet.nets.frozen import InfNet
from obfnet.specs import SampleSpec

#: Adam's rate and the decay of its two means. Long memories carry a row past where it should
#: turn: with .1 and (.9, .999) a row of the paper's MNIST net took 26 steps in the median and the
#: slowest of sixty more than 300; it now takes six in the mean. Where a row leaps about for good,
#: as one of 29 did with a net for signs, it begins again more slowly.
RATES, DECAY = (1.0, 0.3, 0.1), (0.5, 0.9)
#: Rows that move in one batch: bounds memory.
AT_ONCE = 256


def optimise_rows(
    infnet: InfNet,
    spec: SampleSpec,
    codes: int,
    seed: int,
    exemplars: int = 1,
    confidence: float = 0.99,
    steps: int = 1000,
) -> RecognisedRows:
    """One table; see ``optimise_tables``."""
    (table,) = optimise_tables(infnet, spec, codes, [seed], exemplars, confidence, steps)
    return table


def optimise_tables(
    infnet: InfNet,
    spec: SampleSpec,
    codes: int,
    seeds: Sequence[int],
    exemplars: int = 1,
    confidence: float = 0.99,
    steps: int = 1000,
) -> list[RecognisedRows]:
    """Move random rows along the InfNet's gradients until row k is recognised as its class.

    Each row starts from its own random draw, so two seeds give two unlike tables. A sigmoid
    keeps every value inside ``[spec.low, spec.high]``: on the wire a row looks like any sample.
    A row stops when it is recognised, whatever its neighbours do, so a table is the same alone
    or among others (but for the rounding of a batch of another size).

    Args:
        infnet: the frozen classifier; must give gradients.
        spec: shape and value range of a sample.
        codes: K, a multiple of the number of classes; row k stands for class ``k % classes``.
        seeds: one for each table; fixes its random start.
        exemplars: E, how many rows each code has.
        confidence: a row stops once it has this probability of its class.
        steps: at most, at each of ``RATES``; every row must then have at least
            ``LEAST_CONFIDENCE``.

    Raises:
        SpecError: the InfNet gives no gradients, K is no multiple of the number of classes, or
            a number makes no sense.
        NotForgeableError: a row is still not recognised as its class.
    """
    check_request(exemplars, confidence)
    if not infnet.differentiable:
        raise SpecError(
            f"{type(infnet).__name__} gives no gradients, which optimised rows need: take 'decoy' "
            "or 'searched' rows"
        )
    if not seeds:
        return []
    each = codes * exemplars
    free = torch.cat([_start(each, spec, seed) for seed in seeds])
    with torch.inference_mode():
        classes = infnet.logits(_bounded(free[:1], spec)).shape[1]
    wanted = torch.from_numpy(classes_of(codes, classes)).repeat_interleave(exemplars)
    parts = [
        _moved(infnet, spec, start, goal, confidence, steps)
        for start, goal in zip(
            free.split(AT_ONCE), wanted.repeat(len(seeds)).split(AT_ONCE), strict=True
        )
    ]
    rows = np.concatenate([part for part, _ in parts])
    answers = infnet.log_probabilities(rows).reshape(len(seeds), codes, exemplars, classes)
    passes = np.concatenate([part for _, part in parts]).reshape(len(seeds), each)
    return [
        recognise(
            rows[table * each : (table + 1) * each].reshape(codes, exemplars, *spec.shape),
            answers[table],
            int(passes[table].sum()) + each,
            f"they moved for {steps} steps at each of {len(RATES)} rates; does the InfNet answer "
            "with logits, or with a softmax? If with logits, allow more steps or take 'decoy' rows",
        )
        for table in range(len(seeds))
    ]


def _start(count: int, spec: SampleSpec, seed: int) -> Tensor:
    return torch.randn(count, *spec.shape, generator=torch.Generator().manual_seed(seed))


def _moved(
    infnet: InfNet,
    spec: SampleSpec,
    start: Tensor,
    wanted: Tensor,
    confidence: float,
    steps: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Where each row stops ``(n, *shape)``, and after how many passes ``(n,)``."""
    rows = np.empty(tuple(start.shape), np.float32)
    passes = np.zeros(len(start), np.int64)
    left = np.arange(len(start))
    for rate in RATES:
        rows[left], taken = _climb(infnet, spec, start[left], wanted[left], confidence, steps, rate)
        passes[left] += taken
        left = left[taken == steps]  # all others were seen to be recognised
        if len(left):
            answers = np.exp(infnet.log_probabilities(rows[left]))
            left = left[~(answers[np.arange(len(left)), wanted[left]] >= LEAST_CONFIDENCE)]
        if not len(left):
            break
    return rows, passes


def _climb(
    infnet: InfNet,
    spec: SampleSpec,
    free: Tensor,
    wanted: Tensor,
    confidence: float,
    steps: int,
    rate: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Where each row stops ``(n, *shape)``, and after how many passes ``(n,)``.

    Adam, written out so that rows which have stopped leave the batch.
    """
    rows = _bounded(free, spec)
    passes = torch.zeros(len(free), dtype=torch.int64)
    moving = torch.arange(len(free))
    first, second = torch.zeros_like(free), torch.zeros_like(free)
    for step in range(1, steps + 1):
        passes[moving] += 1
        free.requires_grad_(True)
        logits = infnet.logits(_bounded(free, spec))
        reached = logits.detach().softmax(1).gather(1, wanted[:, None]).squeeze(1)
        going = ~(reached >= confidence)
        if not bool(going.any()):
            break
        # A sum: a row's gradient must not depend on how many others there are.
        loss = cross_entropy(logits, wanted, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, free)
        gradient, free, first, second, wanted, moving = (
            part.detach()[going] for part in (gradient, free, first, second, wanted, moving)
        )
        first = first.lerp(gradient, 1 - DECAY[0])
        second = second.lerp(gradient.square(), 1 - DECAY[1])
        scale = (second / (1 - DECAY[1] ** step)).sqrt() + 1e-8
        free = free - rate * first / (1 - DECAY[0] ** step) / scale
        rows[moving] = _bounded(free, spec)
    return rows.numpy(), passes.numpy()


def _bounded(free: Tensor, spec: SampleSpec) -> Tensor:
    within = spec.low + (spec.high - spec.low) * free.sigmoid()
    return within.clamp(spec.low, spec.high)  # rounding may step over the edge
