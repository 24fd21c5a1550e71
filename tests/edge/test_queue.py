"""Messages that wait on disk: obfuscated ones, in order, whole or absent."""

import resource
import signal
import subprocess
import sys
import time

import pytest

from obfnet.edge.message import Agreed, Message
from obfnet.edge.policy import never
from obfnet.edge.queue import Queue
from obfnet.errors import (
    BackendDeniedError,
    BackendUnavailableError,
    MessageRefusedError,
    ObfNetError,
    ProtocolError,
    QueueDamagedError,
    QueueLimitError,
    RawMessageError,
    SpecError,
    StorageError,
)


def message(number, size=100, obfuscated=True):
    headers = {"Content-Type": "application/octet-stream", "X": "y"}
    return Message(headers, bytes([number]) * size, obfuscated, count=2)


def taken(queue):
    """All that waits, as it is sent."""
    sent = []
    assert all(each.error is None for each in queue.drain(sent.append))
    return sent


@pytest.fixture
def queue(tmp_path):
    return Queue(tmp_path / "waiting", 10_000)


def test_first_in_first_out_as_they_were(queue):
    for number in range(12):
        queue.put(message(number))
    assert len(queue) == 12
    assert queue.folder.stat().st_mode & 0o77 == 0
    assert taken(queue) == [message(number) for number in range(12)]
    assert (len(queue), queue.bytes, taken(queue)) == (0, 0, [])


def test_it_outlives_the_program(queue):
    for number in range(3):
        queue.put(message(number))
    again = Queue(queue.folder, 10_000)
    again.put(message(3))
    assert [each.body[0] for each in taken(again)] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "raw",
    [
        message(1, obfuscated=False),
        Message({}, b"the default is raw"),
        message(1, obfuscated=1),
        message(1, obfuscated="yes"),
        b"bytes",
        None,
    ],
)
def test_raw_messages_never_touch_the_disk(raw, queue):
    with pytest.raises(RawMessageError, match="only obfuscated"):
        queue.put(raw)
    assert list(queue.folder.iterdir()) == []


def test_a_client_that_sends_raw_cannot_queue(codebook, connect, queue, samples):
    choices = [True, False, True]
    client = connect(codebook, "http://nobody", policy=lambda: choices.pop(), agreed=Agreed("x"))
    with pytest.raises(RawMessageError):  # one raw sample of three is enough
        queue.put(client.prepare_batch(samples[:3]))
    client = connect(codebook, "http://nobody", policy=never, agreed=Agreed("x"))
    with pytest.raises(RawMessageError):
        queue.put(client.prepare(samples[0]))
    assert list(queue.folder.iterdir()) == []


def test_what_waited_is_sent_as_it_would_have_been(four_codebooks, connect, relay, queue, samples):
    offline = connect(four_codebooks, "http://127.0.0.1:1", agreed=Agreed("x"))
    waiting = [offline.prepare(sample) for sample in samples[:4]]
    for each in waiting:
        with pytest.raises(BackendUnavailableError):
            offline.send(each)
        queue.put(each)
    online = connect(four_codebooks, relay.url, agreed=Agreed("x"), token="not-kept")
    labels = [each.answer[0] for each in queue.drain(online.send_batch)]
    assert labels == [sample.reshape(-1)[:3].argmax() for sample in samples[:4]]
    assert [post.partition(b"\r\n\r\n")[2] for post in relay.posts] == [
        each.body for each in waiting
    ]


def test_nothing_on_disk_is_the_sample_or_the_token(codebook, connect, queue, samples):
    client = connect(codebook, "http://127.0.0.1", agreed=Agreed("x"), token="not-kept")
    queue.put(client.prepare(samples[0]))
    (entry,) = queue.folder.iterdir()
    assert samples[0].tobytes() not in entry.read_bytes()
    assert b"not-kept" not in entry.read_bytes()


def test_at_the_limit_the_newest_is_refused(tmp_path):
    queue = Queue(tmp_path, 1000)
    queue.put(message(0))
    kept = 1000 // queue.bytes
    for number in range(1, kept):
        queue.put(message(number))
    for _ in range(2):
        with pytest.raises(QueueLimitError, match="of 1000 bytes"):
            queue.put(message(kept))
    assert queue.bytes <= 1000
    assert [each.body[0] for each in taken(queue)] == list(range(kept))
    queue.put(message(99))  # and there is room again
    with pytest.raises(QueueLimitError):
        queue.put(message(1, size=5000))


@pytest.mark.parametrize("limits", [(0, 3), (-1, 3), (100, 0)])
def test_limits_that_hold_nothing(limits, tmp_path):
    with pytest.raises(SpecError, match="1 or more"):
        Queue(tmp_path, *limits)


@pytest.mark.parametrize(
    "error", [BackendUnavailableError, BackendDeniedError, ProtocolError, KeyboardInterrupt]
)
def test_a_backend_that_is_away_costs_nothing(error, queue):
    for number in range(3):
        queue.put(message(number))

    def second_fails(each):
        if each.body[0] == 1:
            raise error("away")
        return each.body[0]

    for _ in range(5):
        with pytest.raises(error):
            list(queue.drain(second_fails))
    assert [each.body[0] for each in taken(queue)] == [1, 2]


def test_a_message_that_is_refused_is_given_up_in_the_end(tmp_path):
    queue = Queue(tmp_path, 10_000, refusals=3)
    for number in range(3):
        queue.put(message(number))
    tried = []

    def send(each):
        tried.append(each.body[0])
        if each.body[0] == 1:
            raise MessageRefusedError("not this one")
        return each.body[0]

    done = []
    for _ in range(2):
        with pytest.raises(MessageRefusedError):
            done.extend(queue.drain(send))
        queue = Queue(tmp_path, 10_000, refusals=3)  # it is counted over restarts
    done = list(queue.drain(send))
    assert tried == [0, 1, 1, 1, 2]
    assert [(each.answer, type(each.error)) for each in done] == [
        (None, MessageRefusedError),
        (2, type(None)),
    ]
    assert len(queue) == 0


def damages(content):
    yield b""
    yield content[:-1]
    yield content[:10]
    yield content + b"\0"
    for place in range(0, len(content), 7):
        yield content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def test_a_damaged_entry_is_skipped_and_said(queue):
    names = [queue.put(message(number)) for number in range(3)]
    content = (queue.folder / names[1]).read_bytes()
    for damaged in damages(content):
        (queue.folder / names[1]).write_bytes(damaged)
        again = Queue(queue.folder, 10_000)
        drained = again.drain(lambda each: each.body[0])
        first, second, third = drained
        assert (first.answer, third.answer) == (0, 2)
        assert (second.name, second.answer) == (names[1], None)
        assert isinstance(second.error, QueueDamagedError)
        assert names[1] in str(second.error)
        names = [queue.put(message(number)) for number in range(3)]
    taken(queue)


def test_other_files_are_let_alone(queue):
    (queue.folder / "notes.txt").write_text("mine")
    (queue.folder / ".0000000000000000-0123456789abcdef.0.999.part").write_bytes(b"half")
    again = Queue(queue.folder, 10_000)
    assert len(again) == 0
    assert [each.name for each in queue.folder.iterdir()] == ["notes.txt"]


def test_a_full_disk(queue):
    queue.put(message(0))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, before[1]))
    try:
        with pytest.raises(StorageError, match="could not write"):
            queue.put(message(1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(list(queue.folder.iterdir())) == 1
    assert [each.body[0] for each in taken(queue)] == [0]


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be made"):
        Queue(tmp_path / "file", 100)
    queue = Queue(tmp_path / "gone", 100)
    queue.folder.rmdir()
    with pytest.raises(StorageError, match="cannot be read"):
        len(queue)


PUTTING = """
import sys
from pathlib import Path
from obfnet.edge.message import Message
from obfnet.edge.queue import Queue
queue = Queue(Path(sys.argv[1]), 10**9)
for number in range(10**6):
    queue.put(Message({}, number.to_bytes(4, "big") * 2000, True))
"""


def test_a_program_that_is_killed_leaves_whole_messages(tmp_path):
    child = subprocess.Popen([sys.executable, "-c", PUTTING, tmp_path])
    while len(list(tmp_path.glob("0*"))) < 20:
        assert child.poll() is None
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    found = [int.from_bytes(each.body[:4], "big") for each in taken(Queue(tmp_path, 10**9))]
    assert found == list(range(len(found)))
    assert len(found) >= 20
    assert not any(tmp_path.iterdir())


def test_threads_may_put_while_one_drains(queue):
    queue.put(message(0))

    def send(each):
        if each.body[0] == 0:
            queue.put(message(1))

    assert len(list(queue.drain(send))) == 1
    assert [each.body[0] for each in taken(queue)] == [1]


def test_every_error_may_be_printed_bare():
    for error in (RawMessageError, QueueLimitError, QueueDamagedError):
        assert issubclass(error, ObfNetError)


def test_what_is_withdrawn_is_not_sent(queue):
    names = [queue.put(message(number)) for number in range(3)]
    assert queue.names() == names
    sent = []
    for done in queue.drain(lambda each: sent.append(each.body[0])):
        if done.name == names[0]:
            queue.withdraw(names[1].rpartition(".")[0])
            queue.withdraw("absent")
    assert sent == [0, 2]
    assert len(queue) == 0
