"""A watched folder in trouble: a backend that fails on purpose, odd files, a disk that is full."""

import json
import os
import resource
import sys
from itertools import count

import numpy as np
import pytest

from obfnet.edge.message import Agreed
from obfnet.edge.picker import Pick
from obfnet.edge.policy import never
from obfnet.edge.queue import Queue
from obfnet.edge.seen import ANSWER
from obfnet.edge.watching import Watch
from obfnet.errors import ProtocolError, StorageError
from obfnet.wire import ModelMetadata, TensorMetadata, encode_error, encode_metadata
from obfnet.wire.transport import Limits

#: Nobody listens on the port of "discard".
AWAY = "http://127.0.0.1:9"
ONCE = Limits(attempts=1, timeout=5)


@pytest.fixture
def turns():
    """A picker of which no two of eight draws are alike."""
    drawn = count()
    return lambda obfuscators, sample: Pick(obfuscators[next(drawn) % 8])


def put(folder, name, samples):
    np.save(folder / name, samples)
    return folder / name


def answer_of(path):
    return path.with_name(path.name + ANSWER)


def answered(path):
    return json.loads(answer_of(path).read_text())


def looked(watch, times=2):
    for _ in range(times):
        watch.look()


def sent(listener):
    return [post.partition(b"\r\n\r\n")[2] for post in listener.posts]


@pytest.mark.parametrize("failure", [None, "503 Busy", "500 Error"])
def test_a_backend_that_fails_gets_no_second_release(
    failure, folder, connect, make, turns, scripted, answer, samples
):
    path = put(folder, "x.npy", samples[0])
    client = connect(make.codebooks(8), scripted.url, ONCE, picker=turns, agreed=Agreed("x"))
    fails = failure and answer.http(*encode_error("again"), failure)
    scripted.answers = [fails] * 2
    watch = Watch(folder, client)
    looked(watch, 4)
    assert answered(path)["labels"] == [1]
    assert len(scripted.posts) == 3
    assert len(set(sent(scripted))) == 1
    again = put(folder, "again.npy", samples[0])
    looked(watch)
    assert answered(again)["labels"] == [1]
    assert len(set(sent(scripted))) == 2  # another file is another question


def test_a_changed_file_is_drawn_anew(folder, connect, codebook, scripted, samples):
    path = put(folder, "x.npy", samples[0])
    scripted.answers = [None]
    watch = Watch(folder, connect(codebook, scripted.url, ONCE, agreed=Agreed("x")))
    looked(watch)
    put(folder, "x.npy", samples[:2])
    looked(watch, 3)
    assert "error" in answered(path)  # the scripted backend answers for one sample, not two
    assert len(sent(scripted)[1]) > len(sent(scripted)[0])


def test_only_so_many_are_held_in_memory(folder, queue, connect, codebook, samples):
    made = []

    def policy():
        made.append(1)
        return never()

    for number in range(5):
        put(folder, f"{number}.npy", samples[number])
    client = connect(codebook, AWAY, ONCE, policy=policy, agreed=Agreed("x"))
    looked(Watch(folder, client, queue, most_held=2), 4)
    assert len(made) == 2  # raw ones cannot wait in the queue
    assert len(queue) == 0


def test_a_message_that_fails_thrice_is_given_up(
    folder, connect, codebook, scripted, answer, samples
):
    path = put(folder, "x.npy", samples[0])
    scripted.answers = [answer.http(*encode_error("no\x1b[2J\nway"), "500 Error")] * 3
    watch = Watch(folder, connect(codebook, scripted.url, agreed=Agreed("x")))
    looked(watch, 3)
    assert not answer_of(path).exists()
    looked(watch, 3)
    assert "no\ufffd[2J\ufffdway" in answered(path)["error"]
    assert len(scripted.posts) == 3


@pytest.mark.parametrize("status", ["400 Bad", "413 Long", "415 Type", "422 Unprocessable"])
def test_a_refused_message_is_given_up_at_once(
    status, folder, connect, codebook, scripted, answer, samples
):
    path = put(folder, "x.npy", samples[0])
    scripted.answers = [answer.http(*encode_error("not this"), status)]
    looked(Watch(folder, connect(codebook, scripted.url, agreed=Agreed("x"))), 3)
    assert "not this" in answered(path)["error"]
    assert len(scripted.posts) == 1


def test_an_answer_that_is_none_is_one_files(folder, connect, codebook, scripted, answer, samples):
    bad, good = put(folder, "a.npy", samples[0]), put(folder, "b.npy", samples[1])
    scripted.answers = [answer.scores(np.full((1, 3), np.nan, np.float32))]
    looked(Watch(folder, connect(codebook, scripted.url, agreed=Agreed("x"))))
    assert "NaN" in answered(bad)["error"]
    assert answered(good)["labels"] == [1]


def test_an_answer_that_is_none_is_one_entrys(
    folder, queue, connect, codebook, scripted, answer, samples
):
    paths = [put(folder, f"{number}.npy", samples[number]) for number in range(2)]
    away = connect(codebook, AWAY, ONCE, agreed=Agreed("x"))
    looked(Watch(folder, away, queue))
    scripted.answers = [answer.scores(np.full((1, 3), np.nan, np.float32))] * 3
    watch = Watch(folder, connect(codebook, scripted.url, agreed=Agreed("x")), queue)
    looked(watch, 3)
    assert "NaN" in answered(paths[0])["error"]
    assert answered(paths[1])["labels"] == [1]


def test_a_backend_of_one_sample_at_a_time(
    folder, queue, connect, codebook, relay, samples, labels
):
    path = put(folder, "x.npy", samples[:3])
    looked(Watch(folder, connect(codebook, relay.url, model="one")))
    assert answered(path)["labels"] == labels[:3].tolist()
    later = put(folder, "later.npy", samples[3:6])
    away = connect(codebook, AWAY, ONCE, agreed=Agreed("x", most=1))
    looked(Watch(folder, away, queue))
    assert len(answered(later)["kept"].split()) == len(queue) == 3
    looked(Watch(folder, connect(codebook, relay.url, model="one"), queue), 1)
    assert answered(later) == {"file": "later.npy", "labels": labels[3:6].tolist()}


def test_what_goes_away_half_way_is_answered_whole(
    folder, queue, connect, codebook, scripted, answer, samples
):
    path = put(folder, "x.npy", samples[:3])
    scripted.answers = [answer.good(2), None]
    client = connect(codebook, scripted.url, ONCE, agreed=Agreed("x", most=1))
    watch = Watch(folder, client, queue)
    looked(watch)
    assert answered(path)["labels"] == [2]
    assert len(answered(path)["kept"].split()) == 2
    looked(Watch(folder, client, queue), 1)
    assert answered(path) == {"file": "x.npy", "labels": [2, 1, 1]}


def test_a_queue_without_room_for_all_of_a_file_keeps_none_of_it(
    folder, tmp_path, connect, codebook, samples
):
    path = put(folder, "x.npy", samples[:3])
    client = connect(codebook, AWAY, ONCE, agreed=Agreed("x", most=1))
    probe = Queue(tmp_path / "probe", 10_000)
    probe.put(client.prepare(samples[0]))
    queue = Queue(tmp_path / "small", 2 * probe.bytes + 1)
    looked(Watch(folder, client, queue), 3)
    assert len(queue) == 0
    assert not answer_of(path).exists()


def test_odd_files_are_skipped_and_the_others_go_on(
    folder, connect, codebook, backend, samples, labels
):
    good = put(folder, "good.npy", samples[0])
    put(folder, "n" * 240 + ".npy", samples[1])
    (folder / "loop.npy").symlink_to("loop.npy")
    strange = folder / os.fsdecode(b"bad\xff\n.npy")
    strange.write_bytes(b"no array")
    reasons, lines = [], []
    looked(
        Watch(
            *(folder, connect(codebook, backend)),
            complain=reasons.append,
            report=lambda seen: lines.append(seen.line()),
        ),
        3,
    )
    assert answered(good)["labels"] == [labels[0]]
    assert "error" in answered(strange)
    assert len(reasons) == 2
    assert any("too long" in reason for reason in reasons)
    assert all(line.isprintable() for line in lines)


def test_a_picture_without_pillow_is_one_files(
    folder, connect, codebook, backend, samples, labels, monkeypatch
):
    monkeypatch.setitem(sys.modules, "PIL", None)
    (folder / "a.jpg").write_bytes(b"picture")
    good = put(folder, "b.npy", samples[0])
    looked(Watch(folder, connect(codebook, backend)))
    assert "pip install pillow" in answered(folder / "a.jpg")["error"]
    assert answered(good)["labels"] == [labels[0]]


def test_an_answer_that_waits_for_nothing_is_asked_about_again(
    folder, queue, connect, codebook, backend, samples, labels
):
    path = put(folder, "x.npy", samples[0])
    looked(Watch(folder, connect(codebook, AWAY, ONCE, agreed=Agreed("x")), queue))
    assert len(list(queue.drain(lambda message: None))) == 1  # and a crash before the answer
    looked(Watch(folder, connect(codebook, backend), queue))
    assert answered(path)["labels"] == [labels[0]]


@pytest.fixture
def full_disk():
    """No file grows beyond the given number of bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda most: resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_cannot_be_answered_is_not_sent(
    folder, queue, connect, codebook, relay, samples, full_disk
):
    waits = put(folder, "a.npy", samples[0])
    looked(Watch(folder, connect(codebook, AWAY, ONCE, agreed=Agreed("x")), queue))
    watch = Watch(folder, connect(codebook, relay.url), queue)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    full_disk(100)
    with pytest.raises(StorageError, match="nothing is sent"):
        looked(watch, 1)
    assert len(queue) == 1
    assert "kept" in answered(waits)
    waits.unlink()
    answer_of(waits).unlink()
    fresh = Watch(folder, connect(codebook, relay.url))
    full_disk(before)
    put(folder, "b.npy", samples[1])
    full_disk(100)
    with pytest.raises(StorageError, match="nothing is sent"):
        looked(fresh)
    assert not relay.posts


def test_an_answer_that_cannot_be_written_leaves_nothing_in_the_queue(
    folder, queue, connect, codebook, samples
):
    put(folder, "x.npy", samples[0])
    answers = answer_of(folder / "x.npy")
    watch = Watch(folder, connect(codebook, AWAY, ONCE, agreed=Agreed("x")), queue)
    watch.look()
    (folder / f".{answers.name}.{os.getpid()}.part").mkdir()  # nothing can be written there
    with pytest.raises(StorageError):
        watch.look()
    assert len(queue) == 0


def test_another_model_ends_it(folder, connect, codebook, scripted, samples):
    """It is no file's fault, also where the backend was away at the start."""
    put(folder, "x.npy", samples[0])
    scripted.deaf = True
    client = connect(codebook, scripted.url, ONCE)
    client.connect(Agreed("x"))
    reasons = []
    watch = Watch(folder, client, complain=reasons.append)
    looked(watch)
    assert "away" in reasons[0]
    scripted.deaf = False
    wide = (TensorMetadata("x", "FP32", (-1, 1, 3, 3)),)
    _, body = encode_metadata(ModelMetadata("infnet", (), "", wide, wide))
    scripted.metadata = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with pytest.raises(ProtocolError, match="is this the InfNet"):
        watch.look()
    assert not scripted.posts


def test_a_complaint_is_made_again_after_something_went_well(
    folder, queue, connect, codebook, scripted, samples
):
    reasons = []
    client = connect(codebook, scripted.url, ONCE, agreed=Agreed("x"))
    watch = Watch(folder, client, queue, complain=reasons.append)
    for _ in range(2):
        put(folder, "x.npy", samples[0])
        scripted.answers = [None] * 3
        looked(watch, 4)  # kept, then the queue's turn: away twice, then sent
        looked(watch, 2)
        assert answered(folder / "x.npy")["labels"] == [1]
        answer_of(folder / "x.npy").unlink()
        (folder / "x.npy").unlink()
        watch.look()
    assert len(reasons) == 2
