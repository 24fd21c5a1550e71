"""The server's HTTP face: Open Inference Protocol v2 over one repository of models."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import obfnet
from obfnet.errors import (
    BodyTooLargeError,
    DeadlineError,
    ModelFailedError,
    ModelNotFoundError,
    ProtocolError,
    QueueFullError,
    SlowBodyError,
)
from obfnet.serving.batching import Batcher, Queue
from obfnet.serving.body import TIMEOUT, allowed_seconds, read_body
from obfnet.serving.door import Door, read_tokens, refusal
from obfnet.serving.log import event
from obfnet.serving.metrics import Metrics
from obfnet.serving.model import OnnxModel
from obfnet.serving.repository import Repository
from obfnet.serving.settings import Settings
from obfnet.serving.validation import check
from obfnet.wire import (
    HEADER_LENGTH,
    InferResponse,
    ModelMetadata,
    Tensor,
    decode_request,
    encode_response,
)

# The one place where an error gets its status; anything else that escapes is a 500.
STATUS: Mapping[type[Exception], int] = {
    ProtocolError: 400,
    ClientDisconnect: 400,
    ModelNotFoundError: 404,
    SlowBodyError: 408,
    BodyTooLargeError: 413,
    ModelFailedError: 500,
    QueueFullError: 503,
    DeadlineError: 504,
}

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

    async def infer(request: Request) -> Response:
        body = await read_body(request, settings)
        waiting = queue_of(request)  # only now: it may be replaced while a body comes in
        model = waiting.model
        asked = decode_request(body, request.headers.get(HEADER_LENGTH))
        check(asked, model, settings.accept_nan)
        names = tuple(tensor.name for tensor in asked.outputs or model.outputs)
        inputs = {tensor.name: tensor.data for tensor in asked.inputs}
        seconds = allowed_seconds(asked.parameters, settings.timeout)
        try:
            async with asyncio.timeout(seconds):
                answers = await waiting.infer(inputs, names)
        except TimeoutError:
            raise DeadlineError(f"no answer within the {seconds:g} s that were allowed") from None
        response = InferResponse(
            model_name=model.name,
            outputs=tuple(map(Tensor, names, answers)),
            model_version=str(model.version),
            id=asked.id,
            parameters={k: v for k, v in asked.parameters.items() if k != TIMEOUT},
        )
        headers, content = encode_response(response, asked.wants_binary)
        return Response(content, headers=headers)

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
        status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
        answer = refusal(status, str(error))
        if status == 503:
            answer.headers["Retry-After"] = str(settings.retry_after)
        if status == 500:
            event("model failed", logging.ERROR, path=request.url.path)
        return answer

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        watch = asyncio.create_task(repository.watch(settings.poll))
        yield
        watch.cancel()
        repository.close()

    tokens = read_tokens(settings.tokens)
    app = Starlette(
        routes=[
            *_both("/infer", infer, method="POST"),
            *(Route(path, _saying(answer)) for path, answer in _FIXED.items()),
            *_both("", metadata),
            *_both("/ready", model_ready),
            Route("/metrics", scrape),
        ],
        exception_handlers={**dict.fromkeys(STATUS, refuse), HTTPException: _no_such_route},
        middleware=[Middleware(Door, tokens, metrics, repository, settings.access_log)],
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


def _both(suffix: str, endpoint: Endpoint, method: str = "GET") -> list[Route]:
    """The routes of one endpoint, with and without a version."""
    model = "/v2/models/{model}"
    paths = (f"{model}{suffix}", f"{model}/versions/{{version}}{suffix}")
    return [Route(path, endpoint, methods=[method]) for path in paths]


async def _no_such_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    answer = refusal(error.status_code, f"{request.method} {request.url.path}: {error.detail}")
    answer.headers.update(error.headers or {})
    return answer
