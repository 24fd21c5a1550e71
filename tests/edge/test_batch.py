"""Several samples in one request: each decides for itself, and one that fails stops all."""

import numpy as np
import pytest

from obfnet.edge.policy import never
from obfnet.errors import (
    ObfuscationFailedError,
    ProtocolError,
    SampleRejectedError,
    SpecError,
)
from obfnet.wire import decode_request


def sent(request):
    """The tensor in a captured request."""
    body = request.partition(b"\r\n\r\n")[2]
    (tensor,) = decode_request(body, body.index(b"}]}") + 3).inputs
    return tensor.data


@pytest.mark.parametrize("name", ["codebook", "four_codebooks", "published"])
def test_labels_of_one_request(name, connect, relay, samples, labels, request):
    found = connect(request.getfixturevalue(name), relay.url).infer_batch(samples)
    assert found.tolist() == labels.tolist()
    assert found.dtype == np.int64
    assert len(relay.posts) == 1
    assert not any(sample.tobytes() in relay.received for sample in samples)


def test_each_sample_picks_for_itself(four_codebooks, connect, relay, samples):
    client = connect(four_codebooks, relay.url)
    client.infer_batch(np.concatenate([samples] * 4))
    (post,) = relay.posts
    tables = sent(post)[:, 0, 1, 1] * 8
    assert set(tables) == {0, 1, 2, 3}  # each is missed with probability (3/4)^120


def test_the_policy_is_asked_for_each_sample(codebook, connect, relay, samples):
    choices = [True, False, True, False]
    client = connect(codebook, relay.url, policy=lambda: choices.pop(0))
    message = client.prepare_batch(samples[:4])
    assert (message.count, message.obfuscated, choices) == (4, False, [])
    client.send_batch(message)
    values = sent(relay.posts[0])
    raw = [np.array_equal(value, sample) for value, sample in zip(values, samples, strict=False)]
    assert raw == [False, True, False, True]


def test_a_raw_and_an_obfuscated_batch_are_twins(codebook, connect, relay, samples):
    connect(codebook, relay.url).infer_batch(samples[:5])
    connect(codebook, relay.url, policy=never).infer_batch(samples[:5])
    one, other = relay.posts
    assert one[: -5 * 16] == other[: -5 * 16]
    assert len(one) == len(other)


def test_one_sample_that_fails_stops_all(codebook, connect, relay, samples):
    choices = [False, False, True, None]
    client = connect(codebook, relay.url, policy=lambda: choices.pop(0))
    with pytest.raises(ObfuscationFailedError, match="policy"):
        client.infer_batch(samples[:4])
    bad = samples[:4].copy()
    bad[2, 0, 0, 0] = np.nan
    with pytest.raises(SampleRejectedError, match="NaN"):
        connect(codebook, relay.url, policy=never).infer_batch(bad)
    assert (relay.connections, relay.received) == (0, b"")


@pytest.mark.parametrize(
    "batch",
    [
        np.zeros((0, 1, 2, 2), np.float32),
        np.zeros((1, 2, 2), np.float32),
        np.zeros((), np.float32),
        np.zeros((2, 1, 2, 2)),
        [np.zeros((1, 2, 2), np.float32)],
        None,
    ],
)
def test_what_is_no_batch(batch, codebook, connect, relay):
    with pytest.raises(SampleRejectedError):
        connect(codebook, relay.url).infer_batch(batch)
    assert relay.received == b""


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_an_answer_for_another_number_of_samples(
    rows, codebook, connect, scripted, answer, samples
):
    scripted.answers = [answer.scores(np.zeros((rows, 3), np.float32))]
    with pytest.raises(ProtocolError, match=r"expected \(2, classes\)"):
        connect(codebook, scripted.url).infer_batch(samples[:2])


def test_a_model_of_one_sample_at_a_time(codebook, connect, relay, samples, labels):
    client = connect(codebook, relay.url, model="one")
    with pytest.raises(ProtocolError, match="1 samples at once, got 2"):
        client.infer_batch(samples[:2])
    assert relay.posts == []
    assert client.infer_batch(samples[:1]).tolist() == labels[:1].tolist()


def test_a_batch_is_sent_as_one(codebook, connect, relay, samples):
    client = connect(codebook, relay.url)
    message = client.prepare_batch(samples[:2])
    with pytest.raises(SpecError, match="send_batch"):
        client.send(message)
    assert relay.posts == []


def test_changing_the_array_later_changes_no_message(codebook, connect, relay, samples):
    client = connect(codebook, relay.url, policy=never)
    array = samples[:2].copy()
    message = client.prepare_batch(array)
    array[:] = 0
    client.send_batch(message)
    np.testing.assert_array_equal(sent(relay.posts[0]), samples[:2])
