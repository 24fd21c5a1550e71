"""The two halves of an ObfNet: whether they fit each other and the data, and what both cost."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from obfnet.errors import SpecError
from obfnet.forging.job import Job
from obfnet.forging.loop import build
from obfnet.nets.budget import Budget
from obfnet.nets.cost import Cost, cost


def check_halves(job: Job, budget: Budget | None = None) -> None:
    """Refuse nets that do not fit, before anything is trained or an InfNet is asked.

    Args:
        job: its encoder and decoder are made, with any weights.
        budget: what both together may cost.

    Raises:
        SpecError: the encoder does not take samples or gives no code of the mechanism's width,
            the decoder does not turn what is released into a sample, or both cost too much.
    """
    released, shape = _released(job), job.data.spec.shape
    if job.decoder is not None:
        made = _asked("decoder", build(job.decoder, 0), released)
        if made.shape[1:] != shape:
            raise SpecError(
                f"the decoder gives shape {tuple(made.shape[1:])}, expected the sample's shape "
                f"{shape}"
            )
    if budget is not None:
        spent = cost_of_both(job)
        if not budget.fits(spent):
            raise SpecError(
                f"an ObfNet of this encoder and decoder costs {spent}, the budget is {budget}: "
                "raise it to that, or bring smaller nets"
            )


def cost_of_both(job: Job) -> Cost:
    """What encoder and decoder of an ObfNet of ``job`` cost together."""
    spent = cost(build(job.encoder, 0), job.data.spec.shape)
    if job.decoder is None:
        return spent
    return spent + cost(build(job.decoder, 0), tuple(_released(job).shape[1:]))


def _released(job: Job) -> Tensor:
    """What a new encoder releases for two samples of zeros, ``(2, ...)``."""
    code = _asked("encoder", build(job.encoder, 0), torch.zeros(2, *job.data.spec.shape))
    width = job.mechanism.width
    if width is not None and code.shape != (2, width):
        raise SpecError(
            f"the encoder gives a code of shape {tuple(code.shape[1:])}, expected ({width},) for "
            f"{job.mechanism}: give it {width} outputs"
        )
    return job.mechanism.relax(code)


def _asked(half: str, net: nn.Module, inputs: Tensor) -> Tensor:
    try:
        with torch.inference_mode():
            made: Tensor = net.eval()(inputs)
    except (RuntimeError, ValueError, IndexError) as error:  # torch's, for shapes that do not fit
        raise SpecError(
            f"the {half} does not take an input of shape {tuple(inputs.shape[1:])}: {error}"
        ) from error
    return made
