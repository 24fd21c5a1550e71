"""Ask for the labels of a message, or keep it for later: what every program on a device does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from obfnet.edge.message import Message
from obfnet.edge.queue import Queue
from obfnet.errors import BackendUnavailableError
from obfnet.specs import Labels

#: Sends one message, ``client.send_batch`` for example.
Send = Callable[[Message], Labels]


@dataclass(frozen=True)
class Asked:
    """What became of a message.

    Args:
        labels: one for each sample; empty where the backend was away.
        kept: name in the queue then, see ``name_of``; empty where it was sent.
    """

    labels: tuple[int, ...] = ()
    kept: str = ""


def ask(send: Send, message: Message, queue: Queue | None, away: bool = False) -> Asked:
    """The labels of the samples in ``message``, or its place in ``queue``.

    Args:
        send: asks the backend.
        message: prepared; to ask again about the same samples, pass the same one.
        queue: keeps it where the backend is away, if it is obfuscated; None raises then.
        away: the backend is known to be away, so it is not tried.

    Raises:
        RawMessageError: the backend is away and the policy said raw: nothing is kept.
        ObfNetError: what ``send`` raises, and see ``Queue.put``.
    """
    try:
        if not away or queue is None:
            return Asked(tuple(send(message).tolist()))
    except BackendUnavailableError:
        if queue is None:
            raise
    return Asked(kept=name_of(queue.put(message)))


def name_of(entry: str) -> str:
    """What an entry of a queue is called whatever happens to it: without its count of refusals."""
    return entry.rpartition(".")[0]
