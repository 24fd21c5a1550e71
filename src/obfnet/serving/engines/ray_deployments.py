"""What Ray Serve runs: a face that speaks the protocol, and models that do the work.

They are apart so that no accepted request is lost: when the node of a model's replica dies, the
face still holds the request, and asks another replica. A model answers the same however often
it is asked.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ray import serve
from ray.exceptions import RayActorError
from ray.serve.deployment import Application
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from ray.serve.handle import DeploymentHandle
from starlette.applications import Starlette

from obfnet.errors import ModelFailedError, QueueFullError
from obfnet.serving.app import create_app
from obfnet.serving.batching import Answer, Job, run_batch
from obfnet.serving.engines.ray import Scaling
from obfnet.serving.model import Array, OnnxModel, load_model
from obfnet.serving.repository import scan
from obfnet.serving.settings import Settings

#: Ray sends the repository to every node and starts replicas in it.
REPOSITORY = Path()
#: Seconds in which a replica in place of a lost one is waited for, and between two questions.
PATIENCE, PAUSE = 30.0, 0.2


class Asked(NamedTuple):
    """One validated request on its way to a replica."""

    model: str
    version: int
    inputs: Mapping[str, Array]
    outputs: tuple[str, ...]


class Models:
    """A replica: every model of the repository, loaded."""

    def __init__(self, max_batch: int) -> None:
        self._models = {
            key: load_model(REPOSITORY / key[0] / str(key[1]) / "model.onnx", *key)
            for key in scan(REPOSITORY)
        }
        self._max_batch = max_batch
        # No waiting: what came while a batch ran is the next one.
        batched = serve.batch(max_batch_size=max_batch, batch_wait_timeout_s=0)
        self._batched = batched(self._run)

    async def infer(self, asked: Asked) -> Answer:
        """The answer to one request, run together with others that fit."""
        answer: Answer = await self._batched(asked)
        return answer

    async def _run(self, asked: list[Asked]) -> list[Answer]:
        answers: dict[int, Answer] = {}
        for model, numbers in self._parts(asked):
            jobs = [Job(asked[number].inputs, asked[number].outputs) for number in numbers]
            found = await asyncio.to_thread(run_batch, model, jobs)
            answers.update(zip(numbers, found, strict=True))
        return [answers[number] for number in range(len(asked))]

    def _parts(self, asked: list[Asked]) -> list[tuple[OnnxModel, list[int]]]:
        """Positions in ``asked`` of what runs together, at most ``max_batch`` rows each."""
        parts: list[tuple[OnnxModel, list[int]]] = []
        open_parts: dict[Any, list[int]] = {}
        rows: dict[Any, int] = defaultdict(int)
        for number, each in enumerate(asked):
            model = self._models[each.model, each.version]
            shapes = tuple((name, array.shape[1:]) for name, array in sorted(each.inputs.items()))
            key = (each.model, each.version, each.outputs, shapes)
            length = Job(each.inputs, each.outputs).rows
            alone = not model.batchable or length is None
            if alone or key not in open_parts or rows[key] + (length or 0) > self._max_batch:
                parts.append((model, [number]))
                if not alone:
                    open_parts[key], rows[key] = parts[-1][1], length or 0
            else:
                open_parts[key].append(number)
                rows[key] += length or 0
        return parts


class Elsewhere:
    """Stands where the embedded server has its queue; the rows run in some replica."""

    waiting = 0  # here; a replica's own queue is Ray's to count

    def __init__(self, replicas: DeploymentHandle, model: OnnxModel) -> None:
        self._replicas = replicas
        self.model = model

    async def infer(self, inputs: Mapping[str, Array], outputs: tuple[str, ...]) -> list[Array]:
        """The named outputs for ``inputs``, arrays that fit the model.

        Raises:
            QueueFullError: too many requests wait already, or no replica could be had in time.
            ModelFailedError: the model raised an error on these inputs alone.
        """
        asked = Asked(self.model.name, self.model.version, inputs, outputs)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                answer: Answer = await self._replicas.infer.remote(asked)
                break
            except BackPressureError as error:
                raise QueueFullError(str(error)) from error
            except (RayActorError, DeploymentUnavailableError) as error:
                if time.monotonic() > deadline:
                    raise QueueFullError(
                        f"no replica of model {self.model.name!r} answered within {PATIENCE:g} s; "
                        "try again later"
                    ) from error
            await asyncio.sleep(PAUSE)
        if isinstance(answer, ModelFailedError):
            raise answer
        return answer

    def close(self) -> None:
        """Nothing to end: Ray Serve stops the replicas."""


class Face:
    """The embedded server's application, which asks replicas of the models."""

    def __init__(self, settings: Settings, replicas: DeploymentHandle) -> None:
        self._settings = settings
        self._replicas = replicas

    def __serve_build_asgi_app__(self) -> Starlette:
        """The application; Ray calls this once the replica is up."""
        return create_app(self._settings, partial(Elsewhere, self._replicas))


def application(settings: Settings, scaling: Scaling, on_head: bool) -> Application:
    """What ``serve.run`` takes.

    Args:
        settings: limits of the face and of a batch; its ``repository`` is where Ray sends it.
        scaling: how many replicas of the models run.
        on_head: keep the face beside the head node's proxy, which alone is listened on.
    """
    models = serve.deployment(
        Models,
        name="models",
        ray_actor_options={"num_cpus": 1},
        max_ongoing_requests=4 * settings.max_batch,
        max_queued_requests=settings.max_queue,
        autoscaling_config={
            "min_replicas": scaling.least,
            "max_replicas": scaling.most,
            "target_ongoing_requests": scaling.waiting,
            "upscale_delay_s": scaling.up_seconds,
            "downscale_delay_s": scaling.down_seconds,
            "metrics_interval_s": scaling.up_seconds / 2,
            "look_back_period_s": scaling.up_seconds,
        },
    )
    place = {"resources": {"node:__internal_head__": 0.001}} if on_head else {}
    face: Any = serve.deployment(
        serve.ingress()(Face),
        name="face",
        ray_actor_options={"num_cpus": 0, **place},
        max_ongoing_requests=2 * settings.max_queue,
    )
    return face.bind(settings, models.bind(settings.max_batch))
