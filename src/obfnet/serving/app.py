"""The server's HTTP face: Open Inference Protocol v2 over one repository of models."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import obfnet
from obfnet.serving.batching import Batcher, Queue
from obfnet.serving.door import Door, read_tokens
from obfnet.serving.inference import Inference
from obfnet.serving.metrics import Metrics
from obfnet.serving.model import OnnxModel
from obfnet.serving.refusing import FORESEEN, refusal, refused
from obfnet.serving.repository import Repository
from obfnet.serving.settings import Settings
from obfnet.wire import ModelMetadata

Endpoint = Callable[[Request], Awaitable[Response]]


def create_app(settings: Settings, queue: Callable[[OnnxModel], Queue] | None = None) -> Starlette:
    """The ASGI application that serves every model of ``settings.repository``.

    Args:
        settings: what to serve and its limits.
        queue: makes what a model's requests wait in; by default a ``Batcher`` in this process.

    Raises:
        ModelLoadError: the repository has no models, or one that cannot be loaded.
        SpecError: the file of tokens cannot be read, or has none.
    """
    metrics = Metrics()

    def batcher(model: OnnxModel) -> Queue:
        ran = metrics.rows.labels(model.name).observe
        limits = settings.max_batch, settings.max_queue, settings.batch_wait
        return Batcher(model, *limits, ran)

    repository = Repository(settings.repository, settings.threads, queue or batcher)

    def queue_of(request: Request) -> Queue:
        path = request.path_params
        return repository.find(path["model"], path.get("version"))

    async def metadata(request: Request) -> Response:
        model = queue_of(request).model
        versions = tuple(map(str, sorted(repository.versions(model.name))))
        tensors = model.inputs, model.outputs
        told = asdict(ModelMetadata(model.name, versions, "onnxruntime_onnx", *tensors))
        refused = repository.refused_of(model.name)
        return JSONResponse(told | ({"refused": refused} if refused else {}))

    async def model_ready(request: Request) -> Response:
        return JSONResponse({"name": queue_of(request).model.name, "ready": True})

    async def scrape(request: Request) -> Response:
        return Response(metrics.text(repository), media_type=CONTENT_TYPE_LATEST)

    async def refuse(request: Request, error: Exception) -> Response:
        return refused(error, request.url.path, settings.retry_after)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        watch = asyncio.create_task(repository.watch(settings.poll))
        yield
        watch.cancel()
        repository.close()

    tokens = read_tokens(settings.tokens)
    app = Starlette(
        routes=[
            *(Route(path, _saying(answer)) for path, answer in _FIXED.items()),
            *_both("", metadata),
            *_both("/ready", model_ready),
            Route("/metrics", scrape),
        ],
        exception_handlers={**dict.fromkeys(FORESEEN, refuse), HTTPException: _no_such_route},
        middleware=[
            Middleware(Door, tokens, metrics, repository, settings.access_log),
            Middleware(Inference, repository, settings),
        ],
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


_SERVER = {
    "name": "embedded",
    "version": obfnet.__version__,
    "extensions": ["binary_tensor_data", "parameters", "schedule_policy"],
}
_FIXED: Mapping[str, Mapping[str, object]] = {
    "/v2": _SERVER,
    "/v2/": _SERVER,
    "/v2/health/live": {"live": True},
    "/v2/health/ready": {"ready": True},  # models are loaded before the port opens
}


def _saying(answer: Mapping[str, object]) -> Endpoint:
    async def say(request: Request) -> Response:
        return JSONResponse(answer)

    return say


def _both(suffix: str, endpoint: Endpoint) -> list[Route]:
    """The routes of one endpoint, with and without a version."""
    model = "/v2/models/{model}"
    paths = (f"{model}{suffix}", f"{model}/versions/{{version}}{suffix}")
    return [Route(path, endpoint) for path in paths]


async def _no_such_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    answer = refusal(error.status_code, f"{request.method} {request.url.path}: {error.detail}")
    answer.headers.update(error.headers or {})
    return answer
