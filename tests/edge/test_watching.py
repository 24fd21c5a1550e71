"""A watched folder: each file is answered once, raw samples stay, nothing is lost."""

import json
from threading import Event, Timer

import numpy as np
import pytest

from obfnet.edge.message import Agreed
from obfnet.edge.policy import never
from obfnet.edge.queue import Queue
from obfnet.edge.seen import ANSWER
from obfnet.edge.watching import Watch
from obfnet.errors import BackendDeniedError, BundleExpiredError, StorageError
from obfnet.wire.transport import Limits

#: Nobody listens on the port of "discard".
AWAY = "http://127.0.0.1:9"
ONCE = Limits(attempts=1, timeout=5)


@pytest.fixture
def offline(connect, codebook):
    """A client that knows its backend, which is away."""

    def offline(**options):
        client = connect(codebook, AWAY, ONCE, **options)
        client.connect(Agreed("x"))
        return client

    return offline


def put(folder, name, samples):
    np.save(folder / name, samples)
    return folder / name


def answered(path):
    return json.loads(path.with_name(path.name + ANSWER).read_text())


def looked(watch, times=2):
    for _ in range(times):
        watch.look()


def test_each_file_is_answered_once(folder, connect, codebook, relay, samples, labels):
    seen = []
    watch = Watch(folder, connect(codebook, relay.url), report=seen.append)
    one = put(folder, "one.npy", samples[0])
    many = put(folder, "many.npy", samples[1:4])
    looked(watch, 4)
    assert answered(one) == {"file": "one.npy", "labels": labels[:1].tolist()}
    assert answered(many)["labels"] == labels[1:4].tolist()
    assert [each.line() for each in seen] == [
        f"many.npy: {' '.join(map(str, labels[1:4]))}",
        f"one.npy: {labels[0]}",
    ]
    late = put(folder, "late.npy", samples[5])
    looked(watch)
    assert answered(late)["labels"] == [labels[5]]
    again = Watch(folder, connect(codebook, relay.url))
    looked(again)
    assert len(relay.posts) == 3
    assert all(each.tobytes() not in relay.received for each in samples)


def test_a_file_that_is_being_written_is_left_alone(folder, connect, codebook, backend, samples):
    watch = Watch(folder, connect(codebook, backend))
    whole = put(folder, "x.npy", samples[0]).read_bytes()
    path = folder / "x.npy"
    for length in range(0, len(whole), 40):
        path.write_bytes(whole[:length])
        watch.look()
    path.write_bytes(whole)
    looked(watch)
    assert "error" not in answered(path)


def test_a_bad_file_is_said_and_the_others_go_on(folder, connect, codebook, relay, samples, labels):
    (folder / "a.npy").write_bytes(b"no array")
    put(folder, "b.npy", samples[0] + 2)
    (folder / "c.txt").write_text("no sample")
    (folder / "d").mkdir()
    good = put(folder, "e.npy", samples[0])
    watch = Watch(folder, connect(codebook, relay.url))
    looked(watch, 3)
    assert "cannot be read" in answered(folder / "a.npy")["error"]
    assert "within" in answered(folder / "b.npy")["error"]
    assert answered(good)["labels"] == [labels[0]]
    assert len(relay.posts) == 1
    assert len(list(folder.iterdir())) == 8


def test_what_waits_is_answered_when_the_backend_is_back(
    folder, queue, offline, connect, codebook, relay, samples, labels
):
    paths = [put(folder, f"{number}.npy", samples[number]) for number in range(3)]
    watch = Watch(folder, offline(), queue)
    looked(watch, 4)
    assert len(queue) == 3
    kept = [answered(path)["kept"] for path in paths]
    assert all(name.startswith(stem) for name, stem in zip(sorted(kept), kept, strict=True))
    everything = b"".join(each.read_bytes() for each in queue.folder.iterdir())
    assert all(each.tobytes() not in everything for each in samples[:3])
    back = Watch(folder, connect(codebook, relay.url), queue)
    looked(back)
    assert [answered(path)["labels"] for path in paths] == [[label] for label in labels[:3]]
    assert (len(queue), len(relay.posts)) == (0, 3)


def test_without_a_queue_files_wait_as_they_are(
    folder, offline, connect, codebook, backend, samples, labels
):
    path = put(folder, "x.npy", samples[0])
    reasons = []
    watch = Watch(folder, offline(), complain=reasons.append)
    looked(watch, 4)
    assert not path.with_name("x.npy" + ANSWER).exists()
    assert len(reasons) == 1
    assert "away" in reasons[0]
    looked(Watch(folder, connect(codebook, backend)))
    assert answered(path)["labels"] == [labels[0]]


def test_raw_samples_are_never_kept(folder, queue, offline, samples):
    path = put(folder, "x.npy", samples[0])
    reasons = []
    looked(Watch(folder, offline(policy=never), queue, complain=reasons.append), 3)
    assert "away" in reasons[0]
    assert "only obfuscated" in reasons[1]
    assert len(reasons) == 2
    assert len(queue) == 0
    assert not path.with_name("x.npy" + ANSWER).exists()


def test_a_policy_that_fails_sends_nothing_and_the_file_waits(
    folder, connect, codebook, relay, samples, labels
):
    path = put(folder, "x.npy", samples[0])
    knows = []

    def policy():
        return bool(knows[0])

    reasons = []
    watch = Watch(folder, connect(codebook, relay.url, policy=policy), complain=reasons.append)
    looked(watch, 3)
    assert "policy failed" in reasons[0]
    assert not relay.posts
    knows.append(True)
    watch.look()
    assert answered(path)["labels"] == [labels[0]]


def test_a_damaged_entry_is_asked_about_again(
    folder, queue, offline, connect, codebook, backend, samples, labels
):
    path = put(folder, "x.npy", samples[0])
    looked(Watch(folder, offline(), queue))
    (entry,) = queue.folder.iterdir()
    entry.write_bytes(entry.read_bytes()[:-1])
    reasons = []
    looked(Watch(folder, connect(codebook, backend), queue, complain=reasons.append), 3)
    assert "damaged" in reasons[0]
    assert answered(path)["labels"] == [labels[0]]


def test_a_full_queue_leaves_the_file(folder, tmp_path, offline, samples):
    queue = Queue(tmp_path / "small", 1)
    path = put(folder, "x.npy", samples[0])
    reasons = []
    looked(Watch(folder, offline(), queue, complain=reasons.append), 3)
    assert "do not fit" in reasons[1].replace("\n", " ")
    assert not path.with_name("x.npy" + ANSWER).exists()


def test_what_is_no_files_fault_ends_it(folder, make, connect, scripted, answer, samples):
    put(folder, "x.npy", samples[0])
    scripted.answers = [answer.http({}, b"{}", "403 Forbidden")]
    with pytest.raises(BackendDeniedError):
        looked(Watch(folder, connect(make.codebooks(1), scripted.url, agreed=Agreed("x"))))


def test_an_expired_bundle_ends_it(folder, make, connect, relay, samples):
    from datetime import UTC, datetime

    put(folder, "x.npy", samples[0])
    now = [datetime(2026, 11, 22, 10, tzinfo=UTC)]
    client = connect(
        make.codebooks(1, expires="2026-11-23T00:00:00+00:00").content,
        relay.url,
        trust=make.trust,
        clock=lambda: now[0],
    )
    now[0] = datetime(2026, 11, 24, tzinfo=UTC)
    with pytest.raises(BundleExpiredError):
        looked(Watch(folder, client))
    assert not relay.posts


def test_it_goes_on_until_it_is_stopped(folder, connect, codebook, backend, samples, labels):
    stop = Event()
    path = put(folder, "x.npy", samples[0])
    watch = Watch(folder, connect(codebook, backend), report=lambda seen: stop.set())
    guard = Timer(30, stop.set)
    guard.start()
    watch.until(stop, 0.01)
    guard.cancel()
    assert answered(path)["labels"] == [labels[0]]


def test_no_folder_is_an_error(tmp_path, connect, codebook, backend):
    with pytest.raises(StorageError, match="cannot be read"):
        Watch(tmp_path / "absent", connect(codebook, backend))
