"""What a request is told that gets no answer: a status and ``{"error": message}``."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from starlette.requests import ClientDisconnect
from starlette.responses import Response

from obfnet.errors import (
    BodyTooLargeError,
    DeadlineError,
    ModelFailedError,
    ModelNotFoundError,
    ProtocolError,
    QueueFullError,
    SlowBodyError,
)
from obfnet.serving.log import event
from obfnet.wire import encode_error

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
FORESEEN = tuple(STATUS)


def refused(error: Exception, path: str, retry_after: int) -> Response:
    """The answer to a request of ``path`` that ended in one of ``FORESEEN``.

    Args:
        error: what it ended in.
        path: for the log, if it is the model's fault.
        retry_after: seconds after which a server that is full may be asked again.
    """
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    answer = refusal(status, str(error))
    if status == 503:
        answer.headers["Retry-After"] = str(retry_after)
    if status == 500:
        event("model failed", logging.ERROR, path=path)
    return answer


def refusal(status: int, message: str) -> Response:
    """The answer ``{"error": message}``."""
    headers, body = encode_error(message)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response(body, status, headers)
