"""Run the backend in this process until it is told to stop."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Callable

import uvicorn

from obfnet.errors import PortTakenError, SpecError
from obfnet.progress import say
from obfnet.serving.app import create_app
from obfnet.serving.settings import Settings


def run(
    settings: Settings,
    on_ready: Callable[[str], object] = lambda url: say(f"serving on {url}"),
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
        SpecError: the host or port cannot be listened on.
    """
    app = create_app(settings)
    with _listen(settings.host, settings.port) as listener:
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        server = _Server(
            uvicorn.Config(
                app,
                http="httptools",  # the loop is uvloop wherever that is installed
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=settings.drain,
            )
        )
        server.on_started = lambda: on_ready(f"http://{host}:{listener.getsockname()[1]}")
        if until is not None:
            threading.Thread(target=server.stop_after, args=(until,), daemon=True).start()
        server.run(sockets=[listener])


class _Server(uvicorn.Server):
    """uvicorn's server, which tells when it has started and can be stopped from a thread."""

    on_started: Callable[[], object]

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.on_started()

    def stop_after(self, wait: Callable[[], object]) -> None:
        wait()
        self.should_exit = True


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
