"""A slow link on loopback: a TCP relay that lets so many bits a second through, each way."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

#: Bytes that are passed on at once: at 1 Mbit/s a packet of Ethernet takes 12 ms.
PACKET = 1500


class Pace:
    """Tells when the next bytes may pass.

    Args:
        bits_per_second: of the link; infinite for none.
    """

    def __init__(self, bits_per_second: float) -> None:
        self._seconds_per_byte = 8 / bits_per_second
        self._free_at = 0.0

    def wait(self, count: int) -> None:
        """Sleep until ``count`` bytes have gone through."""
        begun = max(self._free_at, time.monotonic())
        self._free_at = begun + count * self._seconds_per_byte
        time.sleep(max(0.0, self._free_at - time.monotonic()))


@contextmanager
def slow_link(url: str, bits_per_second: float) -> Iterator[str]:
    """Relay ``http://host:port`` at this rate each way, and yield the URL of the near end.

    A byte arrives after the link was busy with it for its time, as on a wire; there is no
    further delay. The host's own overheads of a relay come on top, some tenths of a millisecond.
    """
    parts = urlsplit(url)
    target = (parts.hostname or "127.0.0.1", parts.port or 80)
    open_sockets: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(
            target=_accept, args=(listener, target, bits_per_second, open_sockets), daemon=True
        )
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            for each in (listener, *open_sockets):
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()
            thread.join()


def _accept(
    listener: socket.socket,
    target: tuple[str, int],
    bits_per_second: float,
    open_sockets: list[socket.socket],
) -> None:
    with suppress(OSError):  # it was closed
        while True:
            near, _ = listener.accept()
            far = socket.create_connection(target)
            open_sockets += [near, far]
            for each in (near, far):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for source, sink in ((near, far), (far, near)):
                threading.Thread(
                    target=_pass_on, args=(source, sink, Pace(bits_per_second)), daemon=True
                ).start()


def _pass_on(source: socket.socket, sink: socket.socket, pace: Pace) -> None:
    with suppress(OSError):  # one end is gone
        while content := source.recv(PACKET):
            pace.wait(len(content))
            sink.sendall(content)
        sink.shutdown(socket.SHUT_WR)
