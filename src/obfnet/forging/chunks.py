"""How many ObfNets train at once: as many as the memory that is free holds."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from obfnet import memory
from obfnet.forging.job import Job
from obfnet.forging.loop import build
from obfnet.nets.frozen import TorchInfNet
from obfnet.seeds import branch

T = TypeVar("T")

#: Side by side, more nets than this gain nothing more on a processor.
MOST = 32
#: Share of the free memory that training may take.
SHARE = 0.5
#: Forward values, their gradients, and what a convolution copies.
COPIES = 4
#: Weights, gradients, Adam's two means, best checkpoint.
STATES = 5


def chunks(members: Sequence[T], size: int) -> list[list[T]]:
    """``members`` in order, in parts of nearly equal length, none above ``size``."""
    count = -(-len(members) // size)
    bounds = [round(part * len(members) / max(1, count)) for part in range(count + 1)]
    return [list(members[start:end]) for start, end in itertools.pairwise(bounds)]


def chunk_size(job: Job, workers: int = 1, free: int | None = None) -> int:
    """How many ObfNets of ``job`` may train at once within the memory that is free.

    Args:
        job: nets, batch size and InfNet say what one takes.
        workers: how many chunks share that memory.
        free: bytes; by default what ``memory.available`` finds.

    Raises:
        InfNetChangedError: something has written to the InfNet.
    """
    budget = SHARE * (memory.available() if free is None else free) / workers
    return int(min(MOST, max(1, budget // _bytes_of_one(job))))


def _bytes_of_one(job: Job) -> int:
    """What one net takes in training, by the values that flow through it."""
    probe = torch.from_numpy(job.data.samples[job.splits.train[:2]])
    encoder = build(job.encoder, branch(job.seed, "probe")).eval()
    values, weights = _flow(encoder, probe), _weights(encoder)
    if job.decoder is not None:
        decoder = build(job.decoder, branch(job.seed, "probe")).eval()
        with torch.inference_mode():
            released = job.mechanism.relax(encoder(probe))
        values += _flow(decoder, released)
        weights += _weights(decoder)
        if isinstance(job.infnet, TorchInfNet):
            job.infnet.verify()  # in train mode even this pass would change it
            values += _flow(job.infnet.module, probe)
    batch = min(job.schedule.batch, len(job.splits.train))
    return 4 * (COPIES * values * batch // len(probe) + STATES * weights)


def _weights(net: nn.Module) -> int:
    return sum(each.numel() for each in (*net.parameters(), *net.buffers()))


def _flow(net: nn.Module, inputs: Tensor) -> int:
    """Values that all layers of ``net`` put out for ``inputs``, in the mode it is in."""
    total = 0

    def count(layer: nn.Module, _inputs: object, output: object) -> None:
        nonlocal total
        if isinstance(output, Tensor) and not list(layer.children()):
            total += output.numel()

    hooks = [layer.register_forward_hook(count) for layer in net.modules()]
    try:
        with torch.inference_mode():
            net(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return total
