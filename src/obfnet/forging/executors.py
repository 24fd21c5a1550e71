"""What forges the chunks of a job: this thread, or several of this process side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import nn

from obfnet.errors import ObfNetError
from obfnet.forging import cancelling
from obfnet.forging.codebook import INDEXED, forge_codebooks
from obfnet.forging.job import Job, Material
from obfnet.forging.loop import build
from obfnet.forging.obfnet import ObfNet
from obfnet.forging.table import RecognisedRows
from obfnet.forging.through import forge_through
from obfnet.threads import available

#: ObfNets that train together: their seeds, and their tables where they have any.
Chunk = tuple[Sequence[int], Sequence[RecognisedRows] | None]
Task = TypeVar("Task")


@dataclass(frozen=True)
class Executor:
    """What forges the chunks of a job.

    Args:
        run: yields each chunk's number and ObfNets as it is finished, in any order.
        workers: how many chunks it forges at the same time.
    """

    run: Callable[[Job, Material, Iterable[Chunk]], Iterator[tuple[int, list[ObfNet]]]]
    workers: int = 1


def forge_chunk(job: Job, given: Material, chunk: Chunk) -> list[ObfNet]:
    """Forge the ObfNets of one chunk at once."""
    seeds, tables = chunk
    if tables is None:
        return forge_through(job, seeds, given)
    return forge_codebooks(job, seeds, tables, given)


def usual(job: Job) -> Executor:
    """The executor of this process that suits ``job``.

    Small encoders gain little from two processors working on one of them, so each takes a chunk.
    That needs training in which no thread draws from torch's only random
    state: codebooks whose encoder has no dropout.
    """
    if isinstance(job.mechanism, INDEXED) and not _draws(build(job.encoder, 0)):
        return in_threads(available())
    return Executor(_here)


def in_threads(workers: int) -> Executor:
    """An executor of ``workers`` threads, each computing on one processor."""

    def run(
        job: Job, given: Material, parts: Iterable[Chunk]
    ) -> Iterator[tuple[int, list[ObfNet]]]:
        before, event = torch.get_num_threads(), threading.Event()
        token = cancelling.stop.set(event)
        context = copy_context()
        cancelling.stop.reset(token)
        pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,))
        try:
            yield from as_finished(
                parts,
                lambda chunk: pool.submit(context.copy().run, forge_chunk, job, given, chunk),
                lambda tasks, timeout: wait(tasks, timeout, FIRST_COMPLETED).done,
                Future.result,
            )
        finally:
            event.set()  # after an error or Ctrl-C; otherwise nobody is left to hear it
            pool.shutdown(cancel_futures=True)
            torch.set_num_threads(before)

    return Executor(run, workers)


def as_finished(
    parts: Iterable[Chunk],
    start: Callable[[Chunk], Task],
    finished: Callable[[Sequence[Task], float | None], Iterable[Task]],
    result: Callable[[Task], list[ObfNet]],
) -> Iterator[tuple[int, list[ObfNet]]]:
    """Start every chunk, and yield the number and ObfNets of each as soon as it is finished.

    The next chunk may be long in coming, for its rows are asked of an InfNet; if they cannot be
    had, what was started is still finished, and the error raised after it.

    Args:
        parts: chunks.
        start: starts one.
        finished: of these tasks, those that are finished; waits for one, at most so many
            seconds or, if None, for ever.
        result: of a finished task.
    """
    numbers: dict[Task, int] = {}
    trouble = None
    try:
        for number, chunk in enumerate(parts):
            numbers[start(chunk)] = number
            for task in finished(list(numbers), 0):
                yield numbers.pop(task), result(task)
    except ObfNetError as error:
        trouble = error
    while numbers:
        for task in finished(list(numbers), None):
            yield numbers.pop(task), result(task)
    if trouble is not None:
        raise trouble


def _here(job: Job, given: Material, parts: Iterable[Chunk]) -> Iterator[tuple[int, list[ObfNet]]]:
    for number, chunk in enumerate(parts):
        yield number, forge_chunk(job, given, chunk)


def _draws(net: nn.Module) -> bool:
    """Whether ``net`` draws at random in training, as far as its layers tell."""
    return any(isinstance(layer, nn.modules.dropout._DropoutNd) for layer in net.modules())
