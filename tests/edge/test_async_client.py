"""Many requests in flight, with the rules of one: what is cancelled leaves nothing half-sent."""

import asyncio
import threading

import numpy as np
import pytest

from listeners import Scripted, is_probe
from obfnet.edge.async_client import AsyncEdgeClient
from obfnet.edge.client import EdgeClient
from obfnet.edge.message import Agreed
from obfnet.errors import (
    BackendUnavailableError,
    BundleRolledBackError,
    ObfuscationFailedError,
    SampleRejectedError,
    SpecError,
)
from obfnet.wire.transport import Limits

QUICK = Limits(timeout=10, attempts=2, backoff=0.001)


def ask(bundle, url, use, in_flight=4, **options):
    """What ``use(client)`` returns, with the client closed after it."""

    async def run():
        client = EdgeClient(bundle, url, limits=QUICK, **options)
        async with AsyncEdgeClient(client, in_flight) as several:
            return await use(several)

    return asyncio.run(run())


class Gated(Scripted):
    """Answers a sample only when ``gate`` is open; ``held`` are released as each request came."""

    def __init__(self):
        super().__init__()
        self.gate, self.held = threading.Event(), threading.Semaphore(0)

    def _answer(self, request):
        if request.startswith(b"POST ") and not is_probe(request):
            self.held.release()
            assert self.gate.wait(20)
        return super()._answer(request)


@pytest.fixture
def gated():
    with Gated() as listener:
        yield listener
        listener.gate.set()


async def reached(gated):
    assert await asyncio.to_thread(gated.held.acquire, timeout=20)


def test_labels_of_many_at_once(four_codebooks, relay, samples, labels):
    async def use(client):
        one_by_one = asyncio.gather(*(client.infer(sample) for sample in samples))
        return await one_by_one, await client.infer_batch(samples)

    single, batch = ask(four_codebooks, relay.url, use)
    assert single == batch.tolist() == labels.tolist()
    assert 1 <= relay.connections <= 4
    assert sum(map(len, relay.requests)) == len(relay.received)  # whole requests, nothing else
    assert not any(sample.tobytes() in relay.received for sample in samples)


def test_they_really_overlap(codebook, gated, samples):
    async def use(client):
        tasks = [asyncio.create_task(client.infer(sample)) for sample in samples[:3]]
        for _ in tasks:
            await reached(gated)  # all three are there before one is answered
        gated.gate.set()
        return await asyncio.gather(*tasks)

    assert ask(codebook, gated.url, use, in_flight=3) == [1, 1, 1]
    assert gated.connections == 3


def test_failures_are_those_of_one_client(codebook, relay, samples):
    def fails():
        raise OSError("gauge")

    async def use(client):
        bad = (samples[0] + 2, np.zeros((3, 3), np.float32), None)
        return await asyncio.gather(*map(client.infer, bad), return_exceptions=True)

    errors = ask(codebook, relay.url, use)
    assert [type(error) for error in errors] == [SampleRejectedError] * 3
    with pytest.raises(ObfuscationFailedError, match="policy"):
        ask(codebook, relay.url, lambda client: client.infer(samples[0]), policy=fails)
    assert relay.received == b""


def test_nobody_there(codebook, scripted, samples):
    scripted.deaf = True
    with pytest.raises(BackendUnavailableError):
        ask(codebook, scripted.url, lambda client: client.infer(samples[0]))


def test_cancelling_one_that_waits_sends_nothing(codebook, gated, samples):
    async def use(client):
        first = asyncio.create_task(client.infer(samples[0]))
        await reached(gated)
        second = asyncio.create_task(client.infer(samples[1]))
        await asyncio.sleep(0.05)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        gated.gate.set()
        return await first

    assert ask(codebook, gated.url, use, in_flight=1) == 1
    assert len(gated.posts) == 1


def test_cancelling_one_that_runs_leaves_a_clean_connection(codebook, gated, answer, samples):
    gated.answers = [answer.good(0), answer.good(2)]

    async def use(client):
        dropped = asyncio.create_task(client.infer(samples[0]))
        await reached(gated)
        dropped.cancel()
        with pytest.raises(asyncio.CancelledError):
            await dropped
        gated.gate.set()
        return await client.infer(samples[1])

    assert ask(codebook, gated.url, use, in_flight=1) == 2  # its own answer, not the dropped one
    assert b"".join(gated.requests) == gated.received
    assert (len(gated.posts), gated.connections) == (2, 1)


def test_a_timeout_around_it(codebook, gated, samples):
    async def use(client):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.infer(samples[0]), 0.05)
        gated.gate.set()
        return await client.infer(samples[1])

    assert ask(codebook, gated.url, use) == 1


def test_the_array_may_be_reused_at_once(published, gated, samples):
    async def use(client):
        array = samples[0].copy()
        task = asyncio.create_task(client.infer(array))
        await asyncio.sleep(0)
        array[:] = 0.5
        await reached(gated)
        gated.gate.set()
        await task

    ask(published, gated.url, use)
    np.testing.assert_array_equal(
        np.frombuffer(gated.posts[0][-16:], "<f4") * 2, samples[0].ravel()
    )


def test_an_update_reaches_all(make, relay, samples):
    async def use(client):
        await client.infer(samples[0])
        newer = make.codebooks(1, first=3, version=2)
        assert (await client.update(newer.content)).manifest.version == 2
        with pytest.raises(BundleRolledBackError):
            await client.update(make.codebooks(1, version=1).content)
        await asyncio.gather(*(client.infer(sample) for sample in samples))

    ask(make.codebooks(1), relay.url, use, trust=make.trust, agreed=Agreed("x"))
    marks = [np.frombuffer(post[-4:], "<f4")[0] * 8 for post in relay.posts]
    assert marks == [0] + [3] * len(samples)


def test_fewer_than_one(codebook):
    with pytest.raises(SpecError, match="in_flight"):
        AsyncEdgeClient(EdgeClient(codebook, "http://nobody"), 0)
