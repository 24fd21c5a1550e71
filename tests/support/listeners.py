"""Real sockets that keep what comes, hand it on, or answer it as badly as they are told."""

import re
import selectors
import socket
import threading
import time
from contextlib import suppress
from urllib.parse import urlsplit

import numpy as np

from obfnet.wire import (
    InferResponse,
    ModelMetadata,
    Tensor,
    TensorMetadata,
    encode_metadata,
    encode_response,
)


class Listener:
    """Accepts connections and keeps every byte that comes; with ``context``, what TLS carried."""

    def __init__(self, context=None):
        self.connections = 0
        self.requests: list[bytes] = []  # the whole ones, in the order in which they were whole
        self._came: dict[socket.socket, bytearray] = {}
        self._parsed: dict[socket.socket, int] = {}
        self._context = context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]
        self._open = set()
        self.port = self._socket.getsockname()[1]
        self.url = f"http{'s' if context else ''}://127.0.0.1:{self.port}"

    def __enter__(self):
        self._threads[0].start()
        return self

    def __exit__(self, *_):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join()
        self._socket.close()

    @property
    def received(self) -> bytes:
        """Every byte, one connection after another."""
        return b"".join(list(self._came.values()))

    def keep(self, connection, content):
        """Keep what came over ``connection``; returns the request that it made whole, if any."""
        came = self._came.setdefault(connection, bytearray())
        came += content
        whole = _request(bytes(came[self._parsed.get(connection, 0) :]))
        if whole is not None:
            self._parsed[connection] = self._parsed.get(connection, 0) + len(whole)
            self.requests.append(whole)
        return whole

    @property
    def posts(self) -> list[bytes]:
        """Requests of samples: a client's probe is none."""
        return [each for each in self.requests if each.startswith(b"POST ") and not is_probe(each)]

    @property
    def probes(self) -> list[bytes]:
        return [each for each in self.requests if is_probe(each)]

    def wait_until_closed(self):
        while self._open:
            time.sleep(0.002)

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._open.add(connection)
            self._threads.append(threading.Thread(target=self._serve, args=[connection]))
            self._threads[-1].start()

    def _serve(self, connection):
        with connection, suppress(OSError):
            secured = self._secured(connection)
            if secured is not None:
                with secured:
                    self.serve(secured)
                self._open.discard(secured)
        self._open.discard(connection)

    def _secured(self, connection):
        if self._context is None:
            return connection
        kept = connection.dup()
        try:
            secured = self._context.wrap_socket(connection, server_side=True)
        except OSError:
            # Read on until the client hangs up: an alert that meets unread bytes is lost.
            with kept, suppress(OSError):
                kept.shutdown(socket.SHUT_WR)
                while kept.recv(1 << 16):
                    pass
            return None
        kept.close()
        self._open.add(secured)
        return secured

    def serve(self, connection):
        raise NotImplementedError


class Relay(Listener):
    """Stands before a real backend and hands everything on as it is."""

    def __init__(self, url):
        super().__init__()
        self._backend = urlsplit(url)

    def serve(self, connection):
        address = self._backend.hostname, self._backend.port
        with socket.create_connection(address) as onward, selectors.DefaultSelector() as selector:
            for end in (connection, onward):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(connection, selectors.EVENT_READ, onward)
            selector.register(onward, selectors.EVENT_READ, connection)
            while True:
                for key, _ in selector.select():
                    content = key.fileobj.recv(1 << 16)
                    if not content:
                        return
                    if key.fileobj is connection:
                        self.keep(connection, content)
                    key.data.sendall(content)


class Scripted(Listener):
    """A backend that misbehaves as it is told.

    ``answers`` to POST come first to last, then good ones; None closes the connection instead,
    as ``deaf`` does with every connection and ``hangs_up`` after every answer. The probe of a
    client is answered from ``probed`` likewise.
    """

    deaf = hangs_up = False

    def __init__(self, context=None):
        super().__init__(context)
        tensors = (TensorMetadata("x", "FP32", (-1, 1, 2, 2)),), (TensorMetadata("y", "FP32", ()),)
        self.metadata = http_answer(*encode_metadata(ModelMetadata("infnet", (), "", *tensors)))
        self.answers: list[bytes | None] = []
        self.probed: list[bytes | None] = []

    def serve(self, connection):
        while not self.deaf:
            request = None
            while request is None:
                content = connection.recv(1 << 16)
                if not content:
                    return
                request = self.keep(connection, content)
            answer = self._answer(request)
            last = self.hangs_up  # read before the client may go on
            if answer is None:
                return
            connection.sendall(answer)
            if last:
                return

    def _answer(self, request):
        if request.startswith(b"GET "):
            return self.metadata
        if is_probe(request):
            return self.probed.pop(0) if self.probed else good_answer(1)
        return self._next()

    def _next(self):
        return self.answers.pop(0) if self.answers else good_answer(1)


def _request(content):
    """The whole request that ``content`` begins with, or None."""
    head, end, _ = content.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: *(\d+)\r\n", head + b"\r\n")
    size = len(head) + 4 + (int(length[1]) if length else 0)
    return content[:size] if end and len(content) >= size else None


def is_probe(request):
    """Whether it is what a client of samples of four values in [0, 1] tries a backend with."""
    half = np.full(4, 0.5, np.float32)
    return request.endswith(half.tobytes()) or b'"data":[ 5.00000000e-01' in request


def http_answer(headers, body, status="200 OK"):
    """Bytes of an HTTP answer."""
    fields = {**headers, "Content-Length": len(body)}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def good_answer(label):
    logits = np.zeros((1, 3), np.float32)
    logits[0, label] = 1
    return scores_answer(logits)


def scores_answer(*arrays):
    tensors = tuple(Tensor(f"y{number}", array) for number, array in enumerate(arrays))
    return http_answer(*encode_response(InferResponse("infnet", tensors)))
