"""What every request passes first: who may come in, how long it took, and that nothing escapes."""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
import time
from collections.abc import Container
from pathlib import Path

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from obfnet.errors import SpecError
from obfnet.serving.log import event
from obfnet.serving.metrics import Metrics
from obfnet.serving.refusing import refusal

#: Health is no secret, and what asks for it has no token.
_OPEN = ("/v2/health/live", "/v2/health/ready")
_TOKEN = re.compile(rb"[A-Za-z0-9\-._~+/]+=*")  # RFC 6750


class Door:
    """ASGI middleware around everything.

    Args:
        app: what is behind it.
        tokens: bearer tokens that are let in; none lets everyone in.
        metrics: told of every request.
        models: names that may stand in metrics.
        access_log: whether every request is logged.
    """

    def __init__(
        self,
        app: ASGIApp,
        tokens: tuple[bytes, ...],
        metrics: Metrics,
        models: Container[str],
        access_log: bool,
    ) -> None:
        self._app, self._tokens, self._metrics = app, tokens, metrics
        self._models, self._access_log = models, access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            if self._may_pass(scope):
                await self._app(scope, receive, watched)
            else:
                await refusal(401, "no bearer token that is let in")(scope, receive, watched)
        except asyncio.CancelledError:  # a stop that waits no longer: another server may answer
            if not status:
                await refusal(503, "the server stops; ask again")(scope, receive, watched)
            raise
        except Exception:
            event("unforeseen error", logging.ERROR, failed=True, path=scope["path"])
            if not status:
                failed = refusal(500, "internal error; the server's log has more")
                await failed(scope, receive, watched)
        finally:
            self._note(scope, status, time.perf_counter() - started)

    def _may_pass(self, scope: Scope) -> bool:
        if not self._tokens or scope["path"] in _OPEN:
            return True
        scheme, _, shown = dict(scope["headers"]).get(b"authorization", b"").partition(b" ")
        # Each is compared, and in a time that does not tell how far it was right.
        known = [hmac.compare_digest(shown.strip(), token) for token in self._tokens]
        return scheme.lower() == b"bearer" and any(known)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        name = scope.get("path_params", {}).get("model", "")
        self._metrics.note(name if name in self._models else "", status, seconds)
        if self._access_log:
            told = {"method": scope["method"], "path": scope["path"], "status": status}
            event("request", **told, ms=round(1000 * seconds, 3))


def read_tokens(path: Path | None) -> tuple[bytes, ...]:
    """The bearer tokens in a file, one a line.

    Raises:
        SpecError: it cannot be read, has none, or one of another form; no message quotes one.
    """
    if path is None:
        return ()
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise SpecError(f"the tokens in {path} cannot be read: {error.strerror}") from error
    tokens = tuple(filter(None, map(bytes.strip, lines)))
    wrong = [number for number, token in enumerate(tokens, 1) if not _TOKEN.fullmatch(token)]
    if wrong or not tokens:
        raise SpecError(
            f"{path} has {len(tokens)} tokens, of which {len(wrong)} are none (the first is number "
            f"{wrong[:1]}): expected at least one, letters, digits and -._~+/ on a line each"
        )
    return tokens
