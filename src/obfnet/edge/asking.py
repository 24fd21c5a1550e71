"""Ask for the labels of a batch, or keep it for later: what every program on a device does."""

from __future__ import annotations

from dataclasses import dataclass

from obfnet.edge.client import EdgeClient
from obfnet.edge.queue import Queue
from obfnet.errors import BackendUnavailableError
from obfnet.specs import Samples


@dataclass(frozen=True)
class Asked:
    """What became of a batch.

    Args:
        labels: one for each sample; empty where the backend was away.
        kept: name in the queue then, see ``name_of``; empty where it was sent.
    """

    labels: tuple[int, ...] = ()
    kept: str = ""


def ask(client: EdgeClient, samples: Samples, queue: Queue | None, away: bool = False) -> Asked:
    """The labels of ``samples`` ``(n, *shape)``, or their place in ``queue``.

    Args:
        client: asks.
        samples: raw ones; they stay here.
        queue: keeps the obfuscated message where the backend is away; None raises then.
        away: the backend is known to be away, so it is not tried.

    Raises:
        RawMessageError: the backend is away and the policy said raw: nothing is kept.
        ObfNetError: see ``EdgeClient.infer`` and ``Queue.put``.
    """
    message = client.prepare_batch(samples)
    try:
        if away and queue is not None:
            return Asked(kept=name_of(queue.put(message)))
        return Asked(tuple(client.send_batch(message).tolist()))
    except BackendUnavailableError:
        if queue is None:
            raise
        return Asked(kept=name_of(queue.put(message)))


def name_of(entry: str) -> str:
    """What an entry of a queue is called whatever happens to it: without its count of refusals."""
    return entry.rpartition(".")[0]
