"""Several requests in flight at once, for programs that run on asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import LifoQueue
from types import TracebackType
from typing import TypeVar

import numpy as np

from obfnet.bundling.archive import Bundle
from obfnet.edge.client import EdgeClient
from obfnet.errors import SpecError
from obfnet.specs import Labels, Samples

T = TypeVar("T")


class AsyncEdgeClient:
    """An :class:`EdgeClient` to await: the same requests, the same errors, nothing sent on them.

    Each request runs on a thread with a connection of its own. Cancelling one that waits for a
    thread sends nothing. One that runs is finished behind the scenes, within the client's limits,
    and its answer dropped: no connection is left half-written.

    Args:
        client: what to ask with; it belongs to this one from then on.
        in_flight: requests at once at most, each with its connection.

    Raises:
        SpecError: fewer than one request at once.
    """

    def __init__(self, client: EdgeClient, in_flight: int = 4) -> None:
        if in_flight < 1:
            raise SpecError(f"in_flight is {in_flight}, expected at least 1")
        self._clients = [client, *(client.another() for _ in range(in_flight - 1))]
        # The one used last is the one whose connection is most likely still open.
        self._idle: LifoQueue[EdgeClient] = LifoQueue()
        for each in reversed(self._clients):
            self._idle.put(each)
        self._pool = ThreadPoolExecutor(in_flight, "obfnet")

    async def infer(self, sample: Samples) -> int:
        """The backend's label for one sample; see ``EdgeClient.infer``."""
        return await self._run(EdgeClient.infer, _kept(sample))

    async def infer_batch(self, samples: Samples) -> Labels:
        """The backend's labels ``(n,)`` in one request; see ``EdgeClient.infer_batch``."""
        return await self._run(EdgeClient.infer_batch, _kept(samples))

    async def update(self, bundle: Bundle | bytes | str | Path) -> Bundle:
        """Use a newer bundle from the next sample on; see ``EdgeClient.update``."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._clients[0].update, bundle)

    async def close(self) -> None:
        """Let what runs come to its end, drop what waits, and close the connections."""
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)
        for client in self._clients:
            client.close()

    async def __aenter__(self) -> AsyncEdgeClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _run(self, method: Callable[[EdgeClient, Samples], T], samples: Samples) -> T:
        def run() -> T:
            client = self._idle.get()  # there are as many as threads
            try:
                return method(client, samples)
            finally:
                self._idle.put(client)

        return await asyncio.get_running_loop().run_in_executor(self._pool, run)


def _kept(samples: Samples) -> Samples:
    """What the caller does with its array meanwhile must not reach the request."""
    return np.array(samples) if isinstance(samples, np.ndarray) else samples
