"""Free TCP ports for an engine, which, unlike our own server, cannot be handed a socket."""

from __future__ import annotations

import errno
import socket
from contextlib import ExitStack

from obfnet.errors import PortTakenError, SpecError

#: HTTP, gRPC, metrics.
COUNT = 3
_ATTEMPTS = 50


def free_ports(host: str, port: int) -> int:
    """The first of ``COUNT`` ports in a row on ``host`` that nobody listens on.

    Args:
        host: address to listen on.
        port: the first of them, 0 for any.

    Raises:
        PortTakenError: another process listens on one of them.
        SpecError: the address or port cannot be listened on.
    """
    if port:
        _try(host, port)
        return port
    for _ in range(_ATTEMPTS):
        with socket.socket(_family(host)) as probe:
            _bind(probe, host, 0)
            first: int = probe.getsockname()[1]
        try:
            _try(host, first)
        except (PortTakenError, SpecError):  # SpecError: beyond the last port
            continue
        return first
    raise PortTakenError(
        f"no {COUNT} ports in a row are free on {host}: name the first of three with --port"
    )


def _try(host: str, first: int) -> None:
    with ExitStack() as stack:
        for port in range(first, first + COUNT):
            _bind(stack.enter_context(socket.socket(_family(host))), host, port)


def _bind(probe: socket.socket, host: str, port: int) -> None:
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # the last owner may linger
    try:
        probe.bind((host, port))
        probe.listen()  # binding alone is not refused beside a socket that listens
    except OverflowError as error:
        raise SpecError(f"port is {port}, expected {COUNT} in a row below {2**16}") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTakenError(
                f"port {port} of {host} is in use: stop what listens there, or choose another "
                "port (an engine takes three in a row, 0 finds them)"
            ) from error
        raise SpecError(
            f"cannot listen on port {port} of {host}: {error.strerror or error}; "
            "choose an address of this machine and a port you may open"
        ) from error


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
