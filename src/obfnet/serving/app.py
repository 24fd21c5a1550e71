"""The server's HTTP face: Open Inference Protocol v2 over one repository of models."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

import obfnet
from obfnet.errors import (
    BodyTooLargeError,
    ModelFailedError,
    ModelNotFoundError,
    ProtocolError,
    QueueFullError,
)
from obfnet.serving.batching import Batcher, Queue
from obfnet.serving.model import OnnxModel
from obfnet.serving.repository import find_model, load_repository
from obfnet.serving.settings import Settings
from obfnet.serving.validation import check
from obfnet.wire import (
    HEADER_LENGTH,
    InferResponse,
    ModelMetadata,
    Tensor,
    decode_request,
    encode_error,
    encode_metadata,
    encode_response,
)

# The one place where an error gets its status; anything else that escapes is a 500.
STATUS: Mapping[type[Exception], int] = {
    ProtocolError: 400,
    ClientDisconnect: 400,
    ModelNotFoundError: 404,
    BodyTooLargeError: 413,
    ModelFailedError: 500,
    QueueFullError: 503,
}

Endpoint = Callable[[Request], Awaitable[Response]]


def create_app(settings: Settings, queue: Callable[[OnnxModel], Queue] | None = None) -> Starlette:
    """The ASGI application that serves every model of ``settings.repository``.

    Args:
        settings: what to serve and its limits.
        queue: makes what a model's requests wait in; by default a ``Batcher`` in this process.

    Raises:
        ModelLoadError: the repository has no models, or one that cannot be loaded.
    """
    repository = load_repository(settings.repository)
    if queue is None:
        queue = partial(Batcher, max_batch=settings.max_batch, max_queue=settings.max_queue)
    batchers = {
        model: queue(model) for versions in repository.values() for model in versions.values()
    }

    def model_of(request: Request) -> OnnxModel:
        path = request.path_params
        return find_model(repository, path["model"], path.get("version"))

    async def server(request: Request) -> Response:
        return JSONResponse(
            {
                "name": "embedded",
                "version": obfnet.__version__,
                "extensions": ["binary_tensor_data"],
            }
        )

    async def live(request: Request) -> Response:
        return JSONResponse({"live": True})

    async def ready(request: Request) -> Response:
        return JSONResponse({"ready": True})  # models are loaded before the port opens

    async def model_ready(request: Request) -> Response:
        return JSONResponse({"name": model_of(request).name, "ready": True})

    async def metadata(request: Request) -> Response:
        model = model_of(request)
        versions = tuple(map(str, sorted(repository[model.name])))
        headers, body = encode_metadata(
            ModelMetadata(model.name, versions, "onnxruntime_onnx", model.inputs, model.outputs)
        )
        return Response(body, headers=headers)

    async def infer(request: Request) -> Response:
        model = model_of(request)
        body = await _read(request, settings.max_body_bytes)
        asked = decode_request(body, request.headers.get(HEADER_LENGTH))
        check(asked, model, settings.accept_nan)
        names = tuple(tensor.name for tensor in asked.outputs or model.outputs)
        inputs = {tensor.name: tensor.data for tensor in asked.inputs}
        answers = await batchers[model].infer(inputs, names)
        response = InferResponse(
            model_name=model.name,
            outputs=tuple(map(Tensor, names, answers)),
            model_version=str(model.version),
            id=asked.id,
        )
        headers, content = encode_response(response, asked.wants_binary)
        return Response(content, headers=headers)

    async def refuse(request: Request, error: Exception) -> Response:
        status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
        headers, body = encode_error(str(error))
        if status == 503:
            headers["Retry-After"] = str(settings.retry_after)
        return Response(body, status, headers)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        for batcher in batchers.values():
            batcher.close()

    app = Starlette(
        routes=[
            Route("/v2", server),
            Route("/v2/health/live", live),
            Route("/v2/health/ready", ready),
            *_both("", metadata),
            *_both("/ready", model_ready),
            *_both("/infer", infer, method="POST"),
        ],
        exception_handlers={
            **dict.fromkeys(STATUS, refuse),
            HTTPException: _no_such_route,
            Exception: _unforeseen,
        },
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


def _both(suffix: str, endpoint: Endpoint, method: str = "GET") -> list[Route]:
    """The routes of one endpoint, with and without a version."""
    model = "/v2/models/{model}"
    paths = (f"{model}{suffix}", f"{model}/versions/{{version}}{suffix}")
    return [Route(path, endpoint, methods=[method]) for path in paths]


async def _read(request: Request, limit: int) -> bytes:
    """The request's body, refused as soon as it is known to exceed ``limit`` bytes."""
    if request.headers.get("content-encoding", "identity") != "identity":
        raise ProtocolError(
            "the body is compressed, expected it as it is: send no Content-Encoding"
        )
    declared = request.headers.get("content-length", "")
    size = int(declared) if declared.isdecimal() else 0
    chunks = []
    if size <= limit:
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                break
            chunks.append(chunk)
    if size > limit:
        raise BodyTooLargeError(f"the body is {size} bytes or more, expected at most {limit}")
    return b"".join(chunks)


async def _no_such_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers, body = encode_error(f"{request.method} {request.url.path}: {error.detail}")
    return Response(body, error.status_code, {**(error.headers or {}), **headers})


async def _unforeseen(request: Request, error: Exception) -> Response:
    headers, body = encode_error("internal error; the server's log has more")
    return Response(body, 500, headers)
