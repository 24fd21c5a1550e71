"""The human test on this machine's own address: plain forms, nothing to install."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from obfnet.errors import PortTakenError, SpecError
from obfnet.study import human_pages as pages
from obfnet.study.human_store import Store

HOST = "127.0.0.1"
MOST_BYTES = 1024  # of a form
POLICY = (
    "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline'; "
    "script-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


@contextmanager
def serving(
    store: Store,
    classes: Sequence[str],
    finished: Callable[[], None] = lambda: None,
    port: int = 0,
) -> Iterator[str]:
    """Serve the test of ``store`` and yield its URL.

    Args:
        store: with its items.
        classes: names of the answers.
        finished: called, in a thread of its own, whenever a volunteer has answered everything.
        port: to listen on, on the loopback address only; 0 takes any free one.

    Raises:
        PortTakenError: another process listens there.
    """
    handler = partial(_Handler, store, tuple(classes), finished)
    try:
        server = ThreadingHTTPServer((HOST, port), handler)
    except OSError as error:
        raise PortTakenError(
            f"cannot listen on {HOST}:{port} ({error.strerror}): choose another port"
        ) from error
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """``/`` starts, ``/start`` makes a volunteer, ``/test/TOKEN`` asks and takes answers."""

    server_version, sys_version = "obfnet", ""
    timeout = 30

    def __init__(
        self, store: Store, classes: tuple[str, ...], finished: Callable[[], None], *rest: object
    ) -> None:
        self._store, self._classes, self._finished = store, classes, finished
        super().__init__(*rest)  # type: ignore[arg-type]

    def do_GET(self) -> None:  # named by http.server
        """A page."""
        self._guarded(self._get)

    def do_POST(self) -> None:
        """A form."""
        self._guarded(self._post)

    def log_message(self, format: str, *arguments: object) -> None:
        """No log: paths hold tokens."""

    def _guarded(self, act: Callable[[], None]) -> None:
        own = f":{self.connection.getsockname()[1]}"
        hosts = (HOST + own, "localhost" + own)
        origin = self.headers.get("Origin")
        # Another page that this browser shows, or a name that was made to point here, is no guest.
        foreign = origin is not None and origin not in [f"http://{host}" for host in hosts]
        if self.headers.get("Host") not in hosts or foreign:
            self._page(pages.refusal("This test answers its own pages only."), HTTPStatus.FORBIDDEN)
            return
        try:
            act()
        except SpecError as error:
            self._page(pages.refusal(str(error)), HTTPStatus.NOT_FOUND)

    def _get(self) -> None:
        if self.path == "/":
            asked = self._store.first()
            self._page(pages.start(asked.total, asked.item.heard))
            return
        token, asked_next = self._token(), self._store.next(self._token())
        if asked_next is None:
            self._page(pages.end(self._store, token, self._classes))
            return
        nonce = secrets.token_urlsafe(12)
        self._page(pages.question(asked_next, self._classes, nonce), nonce=nonce)

    def _post(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MOST_BYTES:
            raise SpecError("the form has no length, or is too long: go back to the start page")
        form = parse_qs(self.rfile.read(int(length)).decode("latin-1"))
        if self.path == "/start":
            self._see(self._store.begin())
            return
        token = self._token()
        item, said = (_number(form, name) for name in ("item", "said"))
        if not 0 <= said < len(self._classes):
            raise SpecError(f"answer {said} is none of {len(self._classes)}: choose a button")
        self._store.answer(token, item, said)
        if self._store.next(token) is None:
            self._finished()
        self._see(token)

    def _token(self) -> str:
        _, name, token = self.path.split("/") if self.path.count("/") == 2 else ("", "", "")
        if name != "test":
            raise SpecError("there is no such page")
        return token

    def _see(self, token: str) -> None:
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header("Location", f"/test/{token}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _page(self, text: str, status: HTTPStatus = HTTPStatus.OK, nonce: str = "none") -> None:
        content = text.encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Length": str(len(content)),
            "Content-Security-Policy": POLICY.format(nonce=nonce),
            "Cache-Control": "no-store",
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def _number(form: dict[str, list[str]], name: str) -> int:
    (value,) = form.get(name, [""])[:1]
    if not value.isdecimal() or len(value) > 6:
        raise SpecError(f"the form's {name!r} is no number: go back to the start page")
    return int(value)
