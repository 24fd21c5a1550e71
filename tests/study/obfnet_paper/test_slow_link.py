"""A link of so many bits a second carries no more than that, and carries it unharmed."""

import socket
import threading
from contextlib import contextmanager

import pytest

from obfnet.study.obfnet_paper import slow_link as module
from obfnet.study.obfnet_paper.slow_link import Pace, slow_link


@contextmanager
def echo():
    """A server that sends back what it gets, until the sender is done."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            connection, _ = listener.accept()
            with connection:
                while content := connection.recv(4096):
                    connection.sendall(content)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join(5)
        assert not thread.is_alive()


def test_bytes_arrive_as_they_were_sent():
    content = bytes(range(256)) * 40
    with echo() as url, slow_link(url, float("inf")) as near:
        port = int(near.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(content)
            connection.shutdown(socket.SHUT_WR)
            received = b"".join(iter(lambda: connection.recv(4096), b""))
    assert received == content


@pytest.fixture
def clock(monkeypatch):
    """A clock that only sleeping moves."""
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(module.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    return now


def test_a_byte_takes_its_time(clock):
    pace = Pace(8_000)  # a thousand bytes a second
    for count in (500, 250, 250):
        pace.wait(count)
    assert clock[0] == pytest.approx(101)
    clock[0] += 10  # what was not used is not saved up
    pace.wait(1_000)
    assert clock[0] == pytest.approx(112)


def test_no_limit_is_no_wait(clock):
    Pace(float("inf")).wait(10**9)
    assert clock[0] == 100
