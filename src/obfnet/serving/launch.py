"""Run the backend in this process until it is told to stop."""

from __future__ import annotations

import errno
import socket
import ssl
import sys
import threading
from collections.abc import Callable

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from obfnet.errors import PortTakenError, SpecError
from obfnet.serving import log
from obfnet.serving.app import create_app
from obfnet.serving.settings import Settings
from obfnet.wire import encode_error

_MAX_HEAD_BYTES = 64 * 2**10
_SWITCH_SECONDS = 5e-4


def run(
    settings: Settings,
    on_ready: Callable[[str], object] = lambda url: None,
    until: Callable[[], object] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM, then let the requests under way finish.

    Args:
        settings: what to serve, where, and its limits.
        on_ready: called with the URL once requests are answered.
        until: waited for in a thread; when it returns, the server stops as well.

    Raises:
        ModelLoadError: the repository cannot be served.
        PortTakenError: another process listens there.
        SpecError: the host or port cannot be listened on, or a file of TLS or of tokens is none.
    """
    log.to_stderr()
    # A model's thread that has a batch to run waits this long for the event loop to let it.
    sys.setswitchinterval(_SWITCH_SECONDS)
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        http=_Protocol,  # the loop is uvloop wherever that is installed
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.drain,
    )
    config.load()
    config.ssl = _tls(settings)
    with _listen(settings.host, settings.port) as listener:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        scheme = "https" if config.ssl else "http"
        url = f"{scheme}://{host}:{listener.getsockname()[1]}"
        server = _Server(config)

        def started() -> None:
            log.event("serving", url=url)
            on_ready(url)

        server.on_started = started
        if until is not None:
            threading.Thread(target=server.stop_after, args=(until,), daemon=True).start()
        server.run(sockets=[listener])
    log.event("stopped")


class _Server(uvicorn.Server):
    """uvicorn's server, which tells when it has started and can be stopped from a thread."""

    on_started: Callable[[], object]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.on_started()

    def stop_after(self, wait: Callable[[], object]) -> None:
        wait()
        self.should_exit = True


class _Protocol(HttpToolsProtocol):
    """uvicorn's HTTP, with a limit for heads and trailers, and errors in the form of all others."""

    _head = 0  # bytes since a head, a part of a body or a message was last complete

    def data_received(self, data: bytes) -> None:
        self._head += len(data)
        super().data_received(data)
        if self._head > _MAX_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response(f"The head exceeds {_MAX_HEAD_BYTES} bytes.")

    def on_headers_complete(self) -> None:
        self._head = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._head = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._head = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        headers, body = encode_error(msg)
        fields = {**headers, "Content-Length": len(body), "Connection": "close"}
        lines = ["HTTP/1.1 400 Bad Request", *(f"{k}: {v}" for k, v in fields.items()), "", ""]
        self.transport.write("\r\n".join(lines).encode() + body)
        self.transport.close()


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # A password, though an empty one: a server has nobody to ask for it.
        context.load_cert_chain(settings.certificate, settings.key, password="")
        if settings.clients is not None:
            context.load_verify_locations(settings.clients)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:  # SSLError is one
        raise SpecError(
            f"TLS cannot be had of certificate {settings.certificate}, key {settings.key} and "
            f"clients {settings.clients} ({error}): expected PEM files, the private key not "
            "encrypted and of this certificate"
        ) from error
    return context


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTakenError(
                f"port {port} of {host} is in use: stop what listens there, or choose another "
                "port (0 takes any free one)"
            ) from error
        raise SpecError(
            f"cannot listen on port {port} of {host}: {error.strerror or error}; "
            "choose an address of this machine and a port you may open"
        ) from error
