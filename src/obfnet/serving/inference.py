"""``POST /v2/models/{model}/infer``: the one request that comes in thousands, so in plain ASGI.

Starlette's routes, request and response cost a fifth of the requests a second that a trivial model
allows (docs/decisions/0023-past-the-library.md).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from obfnet.errors import DeadlineError, SlowBodyError
from obfnet.serving.body import TIMEOUT, allowed_seconds, read_body
from obfnet.serving.refusing import FORESEEN, refusal, refused
from obfnet.serving.repository import Repository
from obfnet.serving.settings import Settings
from obfnet.serving.validation import check
from obfnet.wire import HEADER_LENGTH, InferResponse, Tensor, decode_request, encode_response

_PATH = re.compile(r"/v2/models/(?P<model>[^/]+)(?:/versions/(?P<version>[^/]+))?/infer")
_LENGTH = HEADER_LENGTH.lower()
Answer = tuple[dict[str, str], bytes]


class Inference:
    """ASGI middleware that answers what is to be inferred and hands everything else on.

    Args:
        app: what answers everything else.
        repository: the models.
        settings: limits.
    """

    def __init__(self, app: ASGIApp, repository: Repository, settings: Settings) -> None:
        self._app, self._repository, self._settings = app, repository, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on."""
        found = _PATH.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if found is None:
            await self._app(scope, receive, send)
            return
        scope["path_params"] = found.groupdict()
        if scope["method"] != "POST":
            answer = refusal(405, f"{scope['method']} {scope['path']}: Method Not Allowed")
            answer.headers["Allow"] = "POST"
            await answer(scope, receive, send)
            return
        # Of two fields of a name the first counts, as everywhere else.
        fields = {name.decode("latin-1"): value.decode("latin-1")
                  for name, value in reversed(scope["headers"])}  # fmt: skip
        try:
            headers, content = await self._answer(found["model"], found["version"], fields, receive)
        except FORESEEN as error:
            answer = refused(error, scope["path"], self._settings.retry_after)
            await answer(scope, receive, send)
            return
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        raw.append((b"content-length", b"%d" % len(content)))
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        await send({"type": "http.response.body", "body": content})

    async def _answer(
        self, name: str, version: str | None, fields: Mapping[str, str], receive: Receive
    ) -> Answer:
        settings, loop = self._settings, asyncio.get_running_loop()
        body, seconds = None, settings.timeout
        try:
            async with asyncio.timeout(seconds) as patience:
                body = await read_body(fields, receive, settings)
                # Only now: it may be replaced while a body comes in.
                waiting = self._repository.find(name, version)
                model = waiting.model
                asked = decode_request(body, fields.get(_LENGTH))
                check(asked, model, settings.accept_nan)
                names = tuple(tensor.name for tensor in asked.outputs or model.outputs)
                inputs = {tensor.name: tensor.data for tensor in asked.inputs}
                seconds = allowed_seconds(asked.parameters, settings.timeout)
                patience.reschedule(loop.time() + seconds)
                answers = await waiting.infer(inputs, names)
        except TimeoutError:
            if body is None:
                raise SlowBodyError(
                    f"the body did not come whole in {seconds:g} s: send it faster, or less"
                ) from None
            raise DeadlineError(f"no answer within the {seconds:g} s that were allowed") from None
        response = InferResponse(
            model_name=model.name,
            outputs=tuple(map(Tensor, names, answers)),
            model_version=str(model.version),
            id=asked.id,
            parameters={k: v for k, v in asked.parameters.items() if k != TIMEOUT},
        )
        return encode_response(response, asked.wants_binary)
