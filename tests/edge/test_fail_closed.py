"""Whatever part raises, and whatever it raises, no byte of a raw sample reaches the socket."""

import random
from dataclasses import replace

import numpy as np
import pytest

from obfnet.edge.device_key import DeviceKey
from obfnet.edge.message import Agreed
from obfnet.edge.obfuscator import obfuscators
from obfnet.edge.picker import Pick, pinned
from obfnet.edge.picker import random as at_random
from obfnet.edge.policy import always, every_of
from obfnet.edge.queue import Queue
from obfnet.edge.schedule import within
from obfnet.errors import DeviceError, ObfNetError, ObfuscationFailedError, StorageError

ERRORS = [
    OSError,
    RuntimeError,
    ValueError,
    AssertionError,
    StopIteration,
    GeneratorExit,
    MemoryError,
    RecursionError,
    KeyboardInterrupt,
    SystemExit,
    DeviceError,
    ObfNetError,
]


class Faulty:
    """Calls ``part``, or raises ``error`` where ``fails`` says so."""

    def __init__(self, part, error, fails):
        self._part, self._error, self._fails = part, error, fails

    def __call__(self, *arguments):
        if self._fails():
            raise self._error("out of order")
        return self._part(*arguments)


class FaultyMechanism:
    def __init__(self, mechanism, error, fails):
        self.release = Faulty(mechanism.release, error, fails)


def after(calls):
    """True from the call after ``calls`` on."""
    left = iter([False] * calls)
    return lambda: next(left, True)


def within_an_obfnet(**parts):
    """A client whose ObfNets have ``parts`` replaced: field name to ``f(part, error, fails)``."""

    def build(client, error, fails):
        loaded = client._set._loaded
        broken = tuple(
            replace(each, **{name: f(getattr(each, name), error, fails)})
            for each in loaded.obfuscators
            for name, f in parts.items()
        )
        client._set._loaded = replace(loaded, obfuscators=broken)

    return build


def policy(client, error, fails):
    client._policy = every_of(always, Faulty(always, error, fails))


def picker(client, error, fails):
    client._picker = Faulty(client._picker, error, fails)


def noise(client, error, fails):
    def pick(members, sample):
        found = at_random(members, sample)
        return Pick(
            found.obfuscator,
            Faulty(found.noise, error, fails),
            Faulty(found.draw, error, fails),
        )

    client._picker = pick


def schedule(client, error, fails):
    hours = within("00:00", "23:59:59.999999", Faulty(client._set._clock, error, fails))
    client._policy = every_of(hours, always)


PARTS = {
    "policy": policy,
    "picker": picker,
    "noise": noise,
    "schedule": schedule,
    "encoder": within_an_obfnet(encoder=Faulty),
    "mechanism": within_an_obfnet(mechanism=FaultyMechanism),
    "decoder": within_an_obfnet(decoder=Faulty),
}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_fails_now_and_then(part, make, connect, relay, samples):
    """Sixty requests, a random half of them with a fault; single ones and batches."""
    source = random.Random(part)
    table = np.concatenate([make.rows(number) for number in range(4)], axis=1)
    bundle = make.bundle(
        *[("randomised-codebook", make.encoder, make.npy(table))] * 2,
        arguments={"codes": 3, "epsilon": 60.0},
    )
    client = connect(bundle, relay.url)
    client.connect()
    intact = client._policy, client._picker, client._set._loaded
    failed = 0
    for _ in range(60):
        client._policy, client._picker, client._set._loaded = intact
        faulty, error = source.random() < 0.5, source.choice(ERRORS)
        start = source.randrange(20)
        batch = samples[start : start + source.choice([1, 5])]
        PARTS[part](client, error, after(source.randrange(len(batch))) if faulty else lambda: False)
        before = len(relay.posts), relay.received
        try:
            client.infer_batch(batch)
        except BaseException as raised:
            if not faulty or not isinstance(raised, DeviceError | error):
                raise
            failed += 1
            sent = 0
        else:
            sent = 1
        assert len(relay.posts) == before[0] + sent
        assert sent or relay.received == before[1]
    assert 15 < failed < 45
    values = np.concatenate(
        [
            np.frombuffer(post[post.index(b"}]}") + 3 :], "<f4").reshape(-1, 4)
            for post in relay.posts
        ]
    )
    rows = {row.tobytes() for row in table.reshape(-1, 4)}
    assert {row.astype("<f4").tobytes() for row in values} <= rows
    assert not any(sample.tobytes() in relay.received for sample in samples)
    assert relay.connections == 1


@pytest.mark.parametrize(
    "odd",
    [
        lambda members, sample: None,
        lambda members, sample: members[0],
        lambda members, sample: Pick(None),
        lambda members, sample: Pick(lambda samples, *_: samples),
        lambda members, sample: Pick(replace(members[0], decoder=lambda *_: sample)),
        lambda members, sample: Pick(members[0], noise=None),
        lambda members, sample: Pick(members[0], draw=lambda shape: "no numbers"),
        lambda members, sample: Pick(members[0], draw=lambda shape: np.full(shape, np.nan)),
        lambda members, sample: Pick(members[0], draw=lambda shape: np.full(shape, 7.0)),
        lambda members, sample: Pick(members[0], draw=lambda shape: np.zeros((2, 2))),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")
def test_a_picker_that_gives_something_else(odd, make, connect, relay, samples):
    table = np.concatenate([make.rows(number) for number in range(4)], axis=1)
    bundle = make.bundle(
        ("randomised-codebook", make.encoder, make.npy(table)),
        arguments={"codes": 3, "epsilon": 60.0},
    )
    with pytest.raises(ObfuscationFailedError):
        connect(bundle, relay.url, picker=odd).infer(samples[0])
    assert (relay.connections, relay.received) == (0, b"")


def test_an_obfnet_of_another_set(codebook, four_codebooks, connect, relay, samples):
    stranger = obfuscators(four_codebooks)[0]
    client = connect(codebook, relay.url, picker=lambda *_: Pick(stranger))
    with pytest.raises(ObfuscationFailedError, match="of this set"):
        client.infer(samples[0])
    assert relay.received == b""


def test_a_key_whose_file_is_gone(codebook, connect, relay, samples, tmp_path):
    path = tmp_path / "device.key"
    DeviceKey.kept(path)
    client = connect(
        codebook,
        relay.url,
        picker=lambda members, sample: pinned(DeviceKey.load(path))(members, sample),
    )
    client.infer(samples[0])
    before = relay.received
    path.unlink()
    with pytest.raises(ObfuscationFailedError, match="cannot be read"):
        client.infer(samples[0])
    assert relay.received == before


def test_a_clock_that_fails(make, connect, relay, samples):
    bundle = make.codebooks(1, expires="2999-01-01T00:00:00+00:00")
    for error in (OSError, OverflowError, ObfNetError):
        fails = iter([False, True])
        clock = Faulty(make.clock, error, lambda fails=fails: next(fails))
        client = connect(bundle, relay.url, trust=make.trust, clock=clock)
        with pytest.raises(ObfuscationFailedError, match="clock"):
            client.infer(samples[0])
    assert relay.received == b""


def test_a_token_that_cannot_be_had(codebook, connect, relay, samples):
    for error in (OSError, ValueError, ObfNetError):
        token = Faulty(lambda: "t", error, lambda: True)
        with pytest.raises(DeviceError, match="token"):
            connect(codebook, relay.url, token=token).infer(samples[0])
    assert relay.received == b""


def test_a_queue_that_fails_keeps_and_sends_nothing(codebook, connect, relay, samples, tmp_path):
    client = connect(codebook, relay.url, agreed=Agreed("x"))
    queue = Queue(tmp_path / "queue", 10_000)
    message = client.prepare(samples[0])
    queue.folder.rmdir()
    with pytest.raises(StorageError):
        queue.put(message)
    with pytest.raises(StorageError):
        list(queue.drain(client.send))
    assert relay.received == b""
