"""Forge on a Ray cluster: chunks of ObfNets are tasks; InfNet and data travel once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch

from obfnet.errors import MissingExtraError
from obfnet.forging.executors import Chunk, Executor, as_finished, forge_chunk
from obfnet.forging.job import Job, Material
from obfnet.forging.obfnet import ObfNet

#: A task lost with its node is run again elsewhere, as often as this.
RETRIES = 5


def on_ray(address: str | None = None, threads: int = 1, **options: object) -> Executor:
    """An executor for ``obfnet.forge`` that sends chunks to the workers of a Ray cluster.

    What a task has finished is written by the caller, into its ``folder``: a killed node loses
    no more than the chunks it was at, and they are forged again on another.

    Args:
        address: of a running cluster, as for ``ray.init``; by default the one this process is
            connected to, or else a new one on this machine.
        threads: processors that one task takes.
        options: for each task, as for ``ray.remote``, e.g. ``resources``.

    Raises:
        MissingExtraError: Ray is not installed.
    """
    try:
        import ray
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "forging on a cluster needs Ray, which is not installed: pip install 'obfnet[ray]'"
        ) from error
    if not ray.is_initialized():
        ray.init(address=address, log_to_driver=False, include_dashboard=False)

    task = ray.remote(num_cpus=threads, max_retries=RETRIES, **options)(_forge)

    def run(
        job: Job, given: Material, parts: Iterable[Chunk]
    ) -> Iterator[tuple[int, list[ObfNet]]]:
        shared = ray.put((job, given))
        started = []

        def start(chunk: Chunk) -> object:
            started.append(task.remote(shared, chunk, threads))
            return started[-1]

        try:
            yield from as_finished(
                parts, start, lambda tasks, timeout: ray.wait(tasks, timeout=timeout)[0], ray.get
            )
        finally:
            for each in started:  # after an error or Ctrl-C; else there is nothing left to cancel
                ray.cancel(each)

    processors = ray.cluster_resources().get("CPU", 1)
    return Executor(run, max(1, int(processors) // threads))


def _forge(shared: tuple[Job, Material], chunk: Chunk, threads: int) -> list[ObfNet]:
    torch.set_num_threads(threads)
    return forge_chunk(*shared, chunk)
