"""A newer bundle takes over at once; one that is refused leaves the old one at work."""

import threading
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from obfnet.bundling.keys import SigningKey, rotate
from obfnet.bundling.trust import Trust, trusting
from obfnet.edge import state
from obfnet.edge.client import EdgeClient
from obfnet.edge.message import Agreed
from obfnet.errors import (
    BundleExpiredError,
    BundleMisdirectedError,
    BundleRejectedError,
    BundleRolledBackError,
    BundleUnsignedError,
    BundleUntrustedError,
    DeviceStateError,
    ObfuscationFailedError,
    SpecError,
)

NEW_KEY = SigningKey(bytes(31) + b"\1")


def mark(message):
    """Which table a message's row is of."""
    return np.frombuffer(message.body[-4:], "<f4")[0] * 8


def offline(connect, bundle, **options):
    return connect(bundle, "http://nobody", agreed=Agreed("x"), **options)


def test_a_newer_bundle_takes_over_without_a_new_connection(make, connect, relay, samples, labels):
    client = connect(make.codebooks(1), relay.url, trust=make.trust)
    assert client.infer(samples[0]) == labels[0]
    used = client.update(make.codebooks(1, first=5, version=2).content)
    assert used is client.bundle
    assert used.manifest.version == 2
    assert client.infer(samples[1]) == labels[1]
    assert [np.frombuffer(post[-4:], "<f4")[0] * 8 for post in relay.posts] == [0, 5]
    assert relay.connections == 1


def test_from_a_file_and_the_same_version_again(make, connect, samples, tmp_path):
    client = offline(connect, make.codebooks(1), trust=make.trust)
    make.codebooks(1, first=2, version=2).save(tmp_path / "new.obfnet")
    client.update(tmp_path / "new.obfnet")
    client.update(str(tmp_path / "new.obfnet"))
    assert mark(client.prepare(samples[0])) == 2


def refused(make):
    newer = make.codebooks(1, first=7, version=9)
    broken = make.bundle(("codebook", b"no net", make.npy(make.rows(7))), version=9)
    return {
        "older": (make.codebooks(1, first=7, version=2), BundleRolledBackError),
        "unsigned": (make.codebooks(1, first=7, version=9, key=None), BundleUnsignedError),
        "stranger": (make.codebooks(1, first=7, version=9, key=NEW_KEY), BundleUntrustedError),
        "device": (make.codebooks(1, first=7, version=9, device="d"), BundleMisdirectedError),
        "expired": (
            make.codebooks(1, version=9, expires="2026-11-22T10:00:00+00:00"),
            BundleExpiredError,
        ),
        "future": (
            make.codebooks(1, version=9, issued="2999-01-01T00:00:00+00:00"),
            BundleExpiredError,
        ),
        "damaged": (newer.content[:-1], BundleRejectedError),
        "flipped": (newer.content[:-40] + b"?" + newer.content[-39:], BundleRejectedError),
        "broken": (broken, BundleRejectedError),
        "absent": ("/no/such/file", BundleRejectedError),
    }


@pytest.mark.parametrize(
    "case",
    [
        "older",
        "unsigned",
        "stranger",
        "device",
        "expired",
        "future",
        "damaged",
        "flipped",
        "broken",
        "absent",
    ],
)
def test_a_refused_bundle_leaves_the_old_one_at_work(case, make, connect, samples):
    now = datetime(2027, 1, 1, tzinfo=UTC)
    client = offline(
        connect, make.codebooks(1, first=3, version=3), trust=make.trust, clock=lambda: now
    )
    trust = client.trust
    source, error = refused(make)[case]
    for form in (source, getattr(source, "content", source)):
        with pytest.raises(error):
            client.update(form)
    assert client.trust is trust
    assert client.bundle.manifest.version == 3
    assert mark(client.prepare(samples[0])) == 3


def test_without_trust_only_this_programs_own_bundles(make, connect, samples):
    client = offline(connect, make.codebooks(1, version=3))
    assert client.trust is None
    newer = make.codebooks(1, first=4, version=4)
    with pytest.raises(SpecError, match="needs trust"):
        client.update(newer.content)
    with pytest.raises(BundleRolledBackError):
        client.update(make.codebooks(1, first=2, version=2))
    client.update(newer)
    assert mark(client.prepare(samples[0])) == 4


def test_no_message_is_half_of_one_bundle(make, connect, samples):
    """Updates from another thread, while requests of eight samples are made."""
    old, new = (make.codebooks(4, first=4 * each, version=1) for each in range(2))
    client = offline(connect, old, trust=make.trust)
    stop = threading.Event()

    def update():
        while not stop.is_set():
            client.update(new)
            client.update(old)

    thread = threading.Thread(target=update)
    thread.start()
    seen = set()
    for _ in range(150):
        body = client.prepare_batch(samples[:8]).body
        marks = np.frombuffer(body[-8 * 16 :], "<f4").reshape(8, 4)[:, 3] * 8
        sets = set(marks // 4)
        assert len(sets) == 1
        seen |= sets
    stop.set()
    thread.join()
    assert seen == {0, 1}


def test_a_bundle_that_expires_at_work_sends_nothing(make, connect, relay, samples):
    times = [datetime(2026, 12, 1, tzinfo=UTC)]
    bundle = make.codebooks(1, expires="2027-01-01T00:00:00+00:00")
    client = connect(bundle, relay.url, trust=make.trust, clock=lambda: times[-1])
    client.infer(samples[0])
    before = relay.received
    times.append(datetime(2027, 1, 1, tzinfo=UTC))
    with pytest.raises(BundleExpiredError, match="fetch a new one"):
        client.infer(samples[0])
    times.append(None)
    with pytest.raises(ObfuscationFailedError, match="clock"):
        client.infer(samples[0])
    times.append(datetime(2026, 12, 1))  # without a zone
    with pytest.raises(ObfuscationFailedError, match="clock"):
        client.infer(samples[0])
    assert relay.received == before
    times.append(datetime(2027, 1, 2, tzinfo=UTC))
    client.update(make.codebooks(1, version=2).content)
    client.infer(samples[0])


def test_a_rollback_is_refused_after_a_restart(make, tmp_path):
    path, first = tmp_path / "trust.json", make.trust
    old, new = make.codebooks(1, version=1), make.codebooks(1, version=2)

    def start(bundle):
        return EdgeClient(bundle.content, "http://nobody", trust=state.remembered(path, first))

    client = start(old)
    client.update(new.content)
    state.save(client.trust, path)
    assert start(new).trust == client.trust
    with pytest.raises(BundleRolledBackError):
        start(old)


def test_a_key_that_was_replaced_stays_so_after_a_restart(make, tmp_path):
    path = tmp_path / "trust.json"
    rotations = [rotate(make.key, NEW_KEY.public)]
    rotated = make.codebooks(1, version=2, key=NEW_KEY, rotations=rotations)
    client = EdgeClient(make.codebooks(1).content, "http://nobody", trust=make.trust)
    client.update(rotated.content)
    state.save(client.trust, path)
    trust = state.remembered(path, make.trust)
    assert trust.keys == {NEW_KEY.public}
    with pytest.raises(BundleUntrustedError):
        EdgeClient(make.codebooks(1, version=3).content, "http://nobody", trust=trust)


@pytest.mark.parametrize(
    "trust",
    [
        trusting(NEW_KEY.public),
        Trust(frozenset([NEW_KEY.public, SigningKey(bytes(32)).public]), "d", "f" * 64, 7),
    ],
)
def test_trust_is_read_as_it_was_written(trust, tmp_path):
    state.save(trust, tmp_path / "trust.json")
    assert state.load(tmp_path / "trust.json") == trust


GOOD = (
    '{"schema":1,"keys":["' + "0" * 64 + '"],"device":null,"infnet":null,"least_version":%s,'
    '"limits":{"members":1,"bytes":1,"manifest_bytes":1}}'
)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        "[]",
        "null",
        GOOD % "-1",
        GOOD % '"3"',
        GOOD % "true",
        GOOD % "null",
        (GOOD % 1)[:-1],
        (GOOD % 1).replace('"schema":1', '"schema":2'),
        (GOOD % 1).replace('["' + "0" * 64 + '"]', "[]"),
        (GOOD % 1).replace('"device":null', '"device":3'),
        (GOOD % 1).replace('"device":null,', '"device":null,"more":3,'),
        (GOOD % 1).replace('"members":1', '"members":"1"'),
        (GOOD % 1).replace("00", "0z"),
    ],
)
def test_a_damaged_state_is_not_a_first_start(content, make, tmp_path):
    path = tmp_path / "trust.json"
    path.write_text(content)
    with pytest.raises(DeviceStateError, match="which bundles"):
        state.remembered(path, make.trust)


def test_the_example_of_a_state_is_one(make, tmp_path):
    path = tmp_path / "trust.json"
    path.write_text(GOOD % 1)
    assert state.load(path).least_version == 1
    assert state.remembered(tmp_path / "absent", make.trust) is make.trust


def test_the_clock_may_be_a_little_behind(make):
    early = datetime(2026, 11, 22, 9, tzinfo=UTC) - timedelta(minutes=30)
    EdgeClient(make.codebooks(1), "http://nobody", trust=make.trust, clock=lambda: early)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"device": "device-1"}, "for device 'device-0', got 'device-1'"),
        ({"infnet": "e" * 64}, "for infnet None"),
        ({"keys": [SigningKey(bytes(32)).public, NEW_KEY.public]}, "remove .* to start from"),
        ({"keys": [NEW_KEY.public]}, "remove .* to start from"),
    ],
)
def test_another_start_than_the_remembered_is_said(change, message, make, tmp_path):
    path = tmp_path / "trust.json"
    state.save(make.trust, path)
    said = {"keys": [make.key.public], "device": "device-0", **change}
    with pytest.raises(SpecError, match=message):
        state.remembered(path, trusting(*said.pop("keys"), **said))
    assert state.remembered(path, trusting(make.key.public)) == make.trust


def test_after_a_rotation_the_first_keys_are_still_those_to_give(make, tmp_path):
    path = tmp_path / "trust.json"
    rotations = [rotate(make.key, NEW_KEY.public)]
    client = EdgeClient(make.codebooks(1).content, "http://nobody", trust=make.trust)
    client.update(make.codebooks(1, version=2, key=NEW_KEY, rotations=rotations).content)
    state.save(client.trust, path)
    assert state.remembered(path, make.trust).keys == {NEW_KEY.public}
    with pytest.raises(SpecError, match="from the keys"):
        state.remembered(path, trusting(NEW_KEY.public, device="device-0"))


def test_what_is_remembered_is_not_written_again(make, tmp_path):
    path = tmp_path / "trust.json"
    state.keep(make.trust, path)
    written = path.stat().st_ino
    state.keep(make.trust, path)
    assert path.stat().st_ino == written
    state.keep(trusting(NEW_KEY.public), path)
    assert state.load(path) == trusting(NEW_KEY.public)
