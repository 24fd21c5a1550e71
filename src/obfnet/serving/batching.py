"""Dynamic batching that fires when idle, and waits only for company that it has reason to expect.

A request runs at once if its model is idle and the one before it ran alone. What arrives while the
model is busy queues, and whatever fits together runs as one batch when it is free again. After a
batch of many the next waits for as many, within a budget. So batching adds nothing at concurrency
1, and its batches grow with the load.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Protocol

import numpy as np

from obfnet.errors import ModelFailedError, QueueFullError
from obfnet.serving.model import Array, OnnxModel

Answer = list[Array] | ModelFailedError


@dataclass(frozen=True, eq=False)
class Job:
    """One validated request of a model.

    Args:
        inputs: arrays by input name, which fit the model.
        outputs: names of the outputs to return.
        answer: resolves to arrays in the order of ``outputs``.
    """

    inputs: Mapping[str, Array]
    outputs: tuple[str, ...]
    answer: asyncio.Future[list[Array]] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    @cached_property
    def rows(self) -> int | None:
        """Length of the first axis, None if the inputs have none in common."""
        lengths = {array.shape[:1] for array in self.inputs.values()}
        return next(iter(lengths))[0] if len(lengths) == 1 and () not in lengths else None

    def joins(self, other: Job) -> bool:
        """Whether the two differ in their rows only."""
        return self.outputs == other.outputs and all(
            array.shape[1:] == other.inputs[name].shape[1:] for name, array in self.inputs.items()
        )


class Queue(Protocol):
    """Where the requests of one model wait for their answers."""

    @property
    def model(self) -> OnnxModel:
        """What answers."""

    @property
    def waiting(self) -> int:
        """Requests that wait here."""

    async def infer(self, inputs: Mapping[str, Array], outputs: tuple[str, ...]) -> list[Array]:
        """The named outputs for ``inputs``, arrays that fit the model."""

    def close(self) -> None:
        """Nothing may be asked afterwards."""


class Batcher:
    """The queue of one model; used from one event loop, runs the model in its own thread.

    Args:
        model: what runs.
        max_batch: rows that may run together.
        max_queue: requests that may wait.
        wait: seconds that a batch may wait for as many requests as the one before it had.
        ran: told the rows of every batch.
    """

    def __init__(
        self,
        model: OnnxModel,
        max_batch: int,
        max_queue: int,
        wait: float = 0,
        ran: Callable[[int], object] = lambda rows: None,
    ) -> None:
        self.model = model
        self._max_batch = max_batch
        self._max_queue = max_queue
        self._wait, self._ran = wait, ran
        self._last = 1  # requests in the batch before
        self._enough = asyncio.Event()
        self._queue: list[Job] = []
        self._worker: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"model-{model.name}")
        self._closed = False

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return len(self._queue)

    async def infer(self, inputs: Mapping[str, Array], outputs: tuple[str, ...]) -> list[Array]:
        """The named outputs for ``inputs``, arrays that fit the model.

        Raises:
            QueueFullError: too many requests wait already.
            ModelFailedError: the model raised an error on these inputs alone.
        """
        if len(self._queue) >= self._max_queue:
            raise QueueFullError(
                f"{len(self._queue)} requests wait for model {self.model.name!r}; try again later"
            )
        job = Job(inputs, outputs)
        self._queue.append(job)
        if len(self._queue) >= self._last:
            self._enough.set()
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        return await job.answer

    def close(self) -> None:
        """End the thread after what waits has run; nothing may be asked afterwards."""
        self._closed = True
        if self._worker is None:
            self._thread.shutdown(wait=False)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._queue:
                await self._gather()
                if not (batch := self._take()):
                    continue
                self._last = len(batch)
                self._ran(sum(job.rows or 1 for job in batch))
                answers = await loop.run_in_executor(self._thread, run_batch, self.model, batch)
                for job, answer in zip(batch, answers, strict=True):
                    if job.answer.done():  # the client has left
                        continue
                    if isinstance(answer, ModelFailedError):
                        job.answer.set_exception(answer)
                    else:
                        job.answer.set_result(answer)
        finally:
            self._worker = None
            if self._closed:
                self._thread.shutdown(wait=False)

    async def _gather(self) -> None:
        if self._wait and len(self._queue) < self._last:
            self._enough = asyncio.Event()  # of the loop that runs now
            with suppress(TimeoutError):
                await asyncio.wait_for(self._enough.wait(), self._wait)

    def _take(self) -> list[Job]:
        """The longest waiting job and all that may run with it, leaving the others in order."""
        waiting = [job for job in self._queue if not job.answer.done()]
        batch = waiting[:1]
        room = self._max_batch - (batch[0].rows or 0) if batch else 0
        alone = not self.model.batchable or (batch and batch[0].rows is None)
        self._queue = []
        for job in waiting[1:]:
            if not alone and job.rows is not None and job.rows <= room and job.joins(batch[0]):
                batch.append(job)
                room -= job.rows
            else:
                self._queue.append(job)
        return batch


def run_batch(model: OnnxModel, batch: Sequence[Job]) -> list[Answer]:
    """Each job's own answer; if they cannot run together, as each gets alone. Never raises."""
    together = _together(model, batch) if len(batch) > 1 else None
    return together or [_alone(model, job) for job in batch]


def _together(model: OnnxModel, batch: Sequence[Job]) -> list[Answer] | None:
    try:
        names = batch[0].inputs
        inputs = {name: np.concatenate([job.inputs[name] for job in batch]) for name in names}
        answers = model.run(inputs, batch[0].outputs)
    except Exception:  # one of them spoils it; each alone will show which
        return None
    rows = [job.rows or 0 for job in batch]
    # A model may make other than one row of a row; then nobody's part can be told.
    if any(answer.shape[:1] != (sum(rows),) for answer in answers):
        return None
    ends = list(accumulate(rows))
    return [
        [answer[end - length : end] for answer in answers]
        for length, end in zip(rows, ends, strict=True)
    ]


def _alone(model: OnnxModel, job: Job) -> Answer:
    try:
        return model.run(job.inputs, job.outputs)
    except Exception as error:  # the runtime's errors have no common root of their own
        return ModelFailedError(f"model {model.name!r} failed on this input: {error}")
