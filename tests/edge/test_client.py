"""A device asks a real backend and gets the right label; what cannot be right is never sent."""

import numpy as np
import pytest

from obfnet.bundling.keys import SigningKey
from obfnet.bundling.trust import trusting
from obfnet.edge.client import EdgeClient, Message
from obfnet.edge.policy import always, never
from obfnet.errors import (
    BackendRefusedError,
    BundleRejectedError,
    BundleUntrustedError,
    ObfuscationFailedError,
    ProtocolError,
    SampleRejectedError,
    SpecError,
    UnknownNameError,
)
from obfnet.wire import decode_request


def sent(request):
    """The tensor in a captured request."""
    head, _, body = request.partition(b"\r\n\r\n")
    length = next(
        line.split(b":")[1].strip().decode()
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"inference-header-content-length")
    )
    (tensor,) = decode_request(body, length).inputs
    return tensor.data


@pytest.mark.parametrize("name", ["codebook", "four_codebooks", "published"])
@pytest.mark.parametrize("policy", [always, never])
def test_labels(name, policy, connect, backend, samples, labels, request):
    client = connect(request.getfixturevalue(name), backend, policy=policy)
    assert [client.infer(sample) for sample in samples] == labels.tolist()


def test_from_a_file_within_with(codebook, make, backend, samples, labels, tmp_path):
    codebook.save(tmp_path / "device.bundle")
    with EdgeClient(tmp_path / "device.bundle", backend + "/", trust=make.trust) as client:
        assert client.infer(samples[0]) == labels[0]


def test_raw_sends_the_sample_and_a_codebook_sends_a_row(
    codebook, make, connect, relay, samples, labels
):
    connect(codebook, relay.url, policy=never).infer(samples[0])
    connect(codebook, relay.url).infer(samples[0])
    raw, obfuscated = map(sent, relay.posts)
    np.testing.assert_array_equal(raw[0], samples[0])
    np.testing.assert_array_equal(obfuscated[0], make.rows(0)[labels[0], 0])


def test_every_obfnet_of_a_set_is_drawn(four_codebooks, connect, relay, samples, labels):
    client = connect(four_codebooks, relay.url)
    for _ in range(120):  # each is missed with probability (3/4)^120
        assert client.infer(samples[0]) == labels[0]
    tables = [sent(post)[0, 0, 1, 1] * 8 for post in relay.posts]
    assert set(tables) == {0, 1, 2, 3}
    assert len({tuple(tables[start : start + 8]) for start in range(0, 120, 8)}) > 1
    assert relay.connections == 1  # kept alive


def test_policy_is_asked_for_each_sample(codebook, connect, relay, samples):
    choices = [True, False, True]
    client = connect(codebook, relay.url, policy=lambda: choices.pop(0))
    for _ in range(3):
        client.infer(samples[0])
    raw = samples[0].tobytes()
    assert [raw in post for post in relay.posts] == [False, True, False]


def test_samples_in_any_memory_order(published, connect, backend):
    array = np.zeros((4, 4), np.float32)
    array[::2, ::2] = [[0.1, 0.2], [0.9, 0.3]]
    client = connect(published, backend)
    assert client.infer(array[None, ::2, ::2]) == 2
    assert client.infer(np.asfortranarray(array[::2, ::2])[None]) == 2
    array.flags.writeable = False
    assert client.infer(array[None, ::2, ::2]) == 2


GOOD = np.full((1, 2, 2), 0.5, np.float32)


def altered(value):
    sample = GOOD.copy()
    sample[0, 1, 1] = value
    return sample


@pytest.mark.parametrize("policy", [always, never])
@pytest.mark.parametrize(
    "sample",
    [
        GOOD[0],
        GOOD[None],
        GOOD[:, :, :1],
        GOOD[:0],
        GOOD[0, 0, 0],
        GOOD.reshape(-1),
        GOOD.astype(np.float64),
        GOOD.astype(np.float16),
        GOOD.astype(">f4"),
        GOOD.astype(int),
        GOOD.astype(object),
        GOOD > 0,
        altered(np.nan),
        altered(np.inf),
        altered(-np.inf),
        altered(1.001),
        altered(-0.001),
        np.ma.masked_invalid(altered(np.nan)),
        GOOD.tolist(),
        GOOD.tobytes(),
        None,
        0.5,
    ],
)
def test_bad_sample_opens_no_connection(sample, policy, codebook, connect, relay):
    client = connect(codebook, relay.url, policy=policy)
    with pytest.raises(SampleRejectedError):
        client.infer(sample)
    assert (relay.connections, relay.received) == (0, b"")


def test_bad_sample_after_good_ones_sends_not_a_byte(codebook, connect, relay, samples):
    client = connect(codebook, relay.url)
    client.infer(samples[0])
    before = relay.received
    with pytest.raises(SampleRejectedError):
        client.infer(altered(np.nan))
    client.infer(samples[0])
    assert len(relay.posts) == 2
    assert len(relay.requests) == 4  # metadata and probe, once
    assert relay.received.startswith(before)


def broken():
    raise OSError("battery gauge is away")


@pytest.mark.parametrize(
    "policy",
    [
        broken,
        lambda: None,
        lambda: 0,
        lambda: 1,
        lambda: "",
        lambda: np.False_,
        lambda: [],
        bool.mro,
    ],
)
def test_policy_that_fails_sends_nothing(policy, codebook, connect, relay, samples):
    client = connect(codebook, relay.url, policy=policy)
    with pytest.raises(ObfuscationFailedError, match="policy"):
        client.infer(samples[0])
    assert (relay.connections, relay.received) == (0, b"")


@pytest.mark.parametrize(
    ("mechanism", "fault"),
    [
        ("codebook", "nan"),
        ("codebook", "infinity"),
        ("codebook", "width"),
        ("codebook", "rows"),
        ("codebook", "input"),
        ("codebook", "axes"),
        ("none", "nan"),
        ("none", "infinity"),
        ("none", "shape"),
        ("none", "table"),
        ("none", "more"),
    ],
)
def test_obfnet_that_fails_sends_nothing(mechanism, fault, make, connect, relay, samples):
    zero = {"zero": np.zeros(1, np.float32)}
    wide = {"weights": np.ones((9, 3), np.float32), "accepts": ["n", 1, 3, 3]}
    encoders = {
        "nan": lambda: make.scores(
            ("Mul", ["s", "zero"], "0"), ("Div", ["0", "zero"], "y"), **zero
        ),
        "infinity": lambda: make.scores(("Div", ["s", "zero"], "y"), **zero),
        "width": lambda: make.scores(weights=np.eye(4, dtype=np.float32), gives=("n", 4)),
        "rows": lambda: make.scores(
            ("Expand", ["s", "to"], "y"), gives=("m", 3), to=np.array([2, 3])
        ),
        "input": lambda: make.scores(**wide),
        "axes": lambda: make.net([("Identity", ["x"], "y")], gives=["n", 1, 2, 2]),
    }
    decoders = {
        "nan": lambda: make.net(
            [("Sub", ["x", "x"], "0"), ("Div", ["0", "zero"], "d"), ("Reshape", ["d", "to"], "y")],
            ["n", 4],
            ["n", 1, 2, 2],
            to=np.array([-1, 1, 2, 2]),
            **zero,
        ),
        "infinity": lambda: make.net(
            [("Div", ["x", "zero"], "d"), ("Reshape", ["d", "to"], "y")],
            ["n", 4],
            ["n", 1, 2, 2],
            to=np.array([-1, 1, 2, 2]),
            **zero,
        ),
        "shape": lambda: make.flat,
        "table": lambda: make.npy(make.rows(0)),
        "more": lambda: make.net(
            [("Expand", ["x", "to"], "y")],
            ["n", 4],
            ["m", 4],
            to=np.array([2, 4]),
        ),
    }
    if mechanism == "codebook":
        obfnet = mechanism, encoders[fault](), make.npy(make.rows(0))
    else:
        obfnet = mechanism, make.flat, decoders[fault]()
    client = connect(make.bundle(obfnet), relay.url)
    for _ in range(2):
        with pytest.raises(ObfuscationFailedError):
            client.infer(samples[0])
    assert (relay.connections, relay.received) == (0, b"")


def test_one_bad_obfnet_of_a_set_never_lets_the_sample_out(make, connect, relay, samples):
    nan = make.scores(
        ("Sub", ["s", "s"], "0"), ("Div", ["0", "zero"], "y"), zero=np.zeros(1, np.float32)
    )
    table = make.npy(make.rows(0))
    client = connect(
        make.bundle(("codebook", make.encoder, table), ("codebook", nan, table)), relay.url
    )
    failed = 0
    for _ in range(40):
        try:
            client.infer(samples[0])
        except ObfuscationFailedError:
            failed += 1
    assert 0 < failed < 40
    assert len(relay.posts) == 40 - failed
    assert samples[0].tobytes() not in relay.received


@pytest.mark.parametrize("model", ["wide", "flat", "double"])
def test_model_of_another_input(model, codebook, connect, relay, samples):
    client = connect(codebook, relay.url, model=model)
    with pytest.raises(ProtocolError, match="is this the InfNet"):
        client.infer(samples[0])
    assert relay.posts == []


@pytest.mark.parametrize("model", ["one", "in fnet 100%"])
def test_model_of_one_sample_and_model_of_any_name(
    model, codebook, connect, backend, samples, labels
):
    assert connect(codebook, backend, model=model).infer(samples[0]) == labels[0]


@pytest.mark.parametrize("model", ["vector", "column", "cube"])
def test_answer_that_is_no_label(model, codebook, connect, backend, samples):
    with pytest.raises(ProtocolError, match="classes"):
        connect(codebook, backend, model=model).infer(samples[0])


def test_answer_of_nan(codebook, connect, backend, samples):
    with pytest.raises(ProtocolError, match="NaN"):
        connect(codebook, backend, model="nan").infer(samples[0])


@pytest.mark.parametrize("model", ["absent", "../../v2", "", "infnet\r\nX: y", "infnet?x"])
def test_model_that_is_not_there(model, codebook, connect, relay, samples):
    with pytest.raises(BackendRefusedError, match="status 404"):
        connect(codebook, relay.url, model=model).infer(samples[0])
    assert relay.posts == []


def test_refusal_is_quoted_and_not_tried_again(codebook, connect, relay, samples):
    client = connect(codebook, relay.url)
    message = client.prepare(samples[0])
    with pytest.raises(BackendRefusedError, match=r"status 400: .*bytes of binary data are left"):
        client.send(Message(message.headers, message.body[:-1]))
    assert len(relay.posts) == 1
    assert client.send(message) in range(3)


def test_message_keeps_the_sample_out_of_logs(codebook, connect, backend, samples):
    message = connect(codebook, backend, policy=never).prepare(samples[0])
    assert samples[0].tobytes() in message.body
    assert "body" not in repr(message)


def test_damaged_bundle_makes_no_client(codebook, make, backend):
    with pytest.raises(BundleRejectedError):
        EdgeClient(codebook.content[:-1], backend, trust=make.trust)


def test_a_bundle_from_outside_needs_trust(codebook, backend, tmp_path):
    codebook.save(tmp_path / "device.bundle")
    for source in (codebook.content, tmp_path / "device.bundle", str(tmp_path / "device.bundle")):
        with pytest.raises(SpecError, match="decides what leaks"):
            EdgeClient(source, backend)


def test_a_bundle_of_another_forge_makes_no_client(codebook, backend):
    stranger = trusting(SigningKey.new().public)
    for source in (codebook, codebook.content):
        with pytest.raises(BundleUntrustedError):
            EdgeClient(source, backend, trust=stranger)


@pytest.mark.parametrize("runtime", ["onnxruntime", "numpy"])
def test_the_runtime_that_is_asked_for_runs_the_nets(
    runtime, make, connect, backend, samples, labels
):
    client = connect(make.codebooks(1), backend, runtime=runtime)
    for bundle in (make.codebooks(1), make.codebooks(1, version=2)):
        client.update(bundle)
        for sample, label in zip(samples[:3], labels, strict=False):
            assert client.infer(sample) == label
        (obfuscator,) = client._set.loaded.obfuscators
        assert obfuscator.encoder.__module__ == f"obfnet.edge.{runtime}_runtime"


def test_no_such_runtime(codebook, backend):
    with pytest.raises(UnknownNameError, match="no runtime 'abacus'"):
        EdgeClient(codebook, backend, runtime="abacus")
