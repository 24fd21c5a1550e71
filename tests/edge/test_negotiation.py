"""What a backend takes is found out once, with a probe that is nobody's sample."""

import numpy as np
import pytest

from obfnet.edge.message import Agreed
from obfnet.edge.policy import never
from obfnet.errors import (
    BackendDeniedError,
    BackendRefusedError,
    BackendUnavailableError,
    ProtocolError,
)
from obfnet.specs import SampleSpec
from obfnet.wire import (
    InferResponse,
    ModelMetadata,
    Tensor,
    TensorMetadata,
    decode_request,
    encode_error,
    encode_metadata,
    encode_response,
)
from obfnet.wire.transport import Limits

NO_BINARY = "400 Bad Request", "415 Unsupported", "422 Unprocessable", "500 Error", "501 No"


def json_answer(answer, label):
    scores = np.eye(3, dtype=np.float32)[[label]]
    return answer.http(
        *encode_response(InferResponse("m", (Tensor("y", scores),)), lambda _: False)
    )


def is_json(request):
    return b"\r\nContent-Type: application/json\r\n" in request


@pytest.mark.parametrize("status", NO_BINARY)
@pytest.mark.parametrize("policy", [None, never])
def test_a_backend_without_binary_tensors(
    status, policy, codebook, connect, scripted, answer, samples
):
    scripted.probed = [answer.http(*encode_error("what?"), status), json_answer(answer, 0)]
    scripted.answers = [json_answer(answer, label) for label in (2, 0, 1)]
    client = connect(codebook, scripted.url, **{"policy": policy} if policy else {})
    assert [client.infer(sample) for sample in samples[:3]] == [2, 0, 1]
    assert client.connect() == Agreed("x", binary=False)
    assert [is_json(probe) for probe in scripted.probes] == [False, True]
    assert all(map(is_json, scripted.posts))
    body = scripted.posts[0].partition(b"\r\n\r\n")[2]
    (tensor,) = decode_request(body).inputs
    assert np.array_equal(tensor.data[0], samples[0]) is (policy is never)


def test_a_backend_that_answers_binary_with_an_empty_tensor(
    codebook, connect, scripted, answer, samples
):
    """Triton's Python backend with numpy 2 does: status 200, and no values."""
    scripted.probed = [answer.scores(np.zeros((1, 0), np.float32)), json_answer(answer, 0)]
    client = connect(codebook, scripted.url)
    assert client.infer(samples[0]) == 1
    assert is_json(scripted.posts[0])


def test_json_at_a_real_backend(four_codebooks, connect, backend, samples, labels):
    client = connect(four_codebooks, backend, agreed=Agreed("x", binary=False))
    assert client.infer_batch(samples).tolist() == labels.tolist()
    assert [client.infer(sample) for sample in samples[:5]] == labels[:5].tolist()


def test_binary_is_agreed_once_and_the_probe_is_the_same_for_all(
    codebook, published, connect, relay, samples
):
    for bundle in (codebook, published):
        client = connect(bundle, relay.url)
        assert client.connect() == client.connect() == Agreed("x", binary=True)
        client.infer(samples[0])
    assert len(relay.requests) == 2 * 3
    assert len(set(relay.probes)) == 1
    np.testing.assert_array_equal(np.frombuffer(relay.probes[0][-16:], "<f4"), [0.5] * 4)


def test_what_is_known_is_not_asked(codebook, connect, relay, samples, labels):
    client = connect(codebook, relay.url, agreed=Agreed("x"))
    assert client.infer(samples[0]) == labels[0]
    assert len(relay.requests) == 1


def test_a_backend_that_takes_neither_form(codebook, connect, scripted, answer, samples):
    scripted.probed = [
        answer.http(*encode_error("no binary"), "422 Unprocessable"),
        answer.http(*encode_error("no JSON"), "500 Error"),
    ]
    with pytest.raises(BackendRefusedError, match="no binary"):
        connect(codebook, scripted.url, policy=never).infer(samples[0])
    assert scripted.posts == []


def test_what_json_would_not_help(codebook, connect, scripted, answer, samples):
    client = connect(codebook, scripted.url, policy=never)
    busy = answer.http(*encode_error("busy"), "503 Busy")
    for probed, error in (
        ([answer.http(*encode_error("who?"), "401 Unauthorized")], BackendDeniedError),
        ([busy] * 3, BackendUnavailableError),
        ([None] * 3, BackendUnavailableError),
    ):
        scripted.probed = list(probed)
        with pytest.raises(error):
            client.infer(samples[0])
        assert scripted.probed == []
    assert scripted.posts == []
    assert not any(map(is_json, scripted.probes))
    assert client.infer(samples[0]) == 1  # and it recovers, in binary
    assert not is_json(scripted.posts[0])


def test_a_form_agreed_on_is_kept_when_a_sample_is_refused(
    codebook, connect, scripted, answer, samples
):
    client = connect(codebook, scripted.url)
    scripted.answers = [answer.http(*encode_error("not this one"), "422 Unprocessable")]
    with pytest.raises(BackendRefusedError, match="not this one"):
        client.infer(samples[0])
    assert client.infer(samples[0]) == 1
    assert len(scripted.posts) == 2
    assert not any(map(is_json, scripted.posts))


def test_an_update_to_samples_of_another_shape_agrees_anew(make, connect, relay, samples):
    client = connect(make.codebooks(1), relay.url, trust=make.trust)
    client.infer(samples[0])
    rows = np.full((2, 1, 1, 3, 3), 0.25, np.float32)
    wide = make.scores(weights=np.ones((9, 2), np.float32), accepts=["n", 1, 3, 3], gives=("n", 2))
    newer = make.bundle(
        ("codebook", wide, make.npy(rows)),
        arguments={"codes": 2},
        sample=SampleSpec((1, 3, 3), 0.0, 1.0),
        version=2,
    )
    client.update(newer.content)
    with pytest.raises(ProtocolError, match="is this the InfNet"):
        client.infer(np.zeros((1, 3, 3), np.float32))
    assert len(relay.posts) == 1


@pytest.mark.parametrize("name", ["x" * 256, "x" * 257])
def test_a_name_of_an_input_that_is_too_long(name, codebook, connect, scripted, answer, samples):
    inputs = (TensorMetadata(name, "FP32", (-1, 1, 2, 2)),)
    scripted.metadata = answer.http(*encode_metadata(ModelMetadata("infnet", (), "", inputs, ())))
    client = connect(codebook, scripted.url)
    if len(name) == 256:
        assert client.infer(samples[0]) == 1
        return
    with pytest.raises(ProtocolError, match="has 257 characters"):
        client.infer(samples[0])
    assert scripted.probes == []


def test_what_a_model_takes_is_said_in_short(codebook, connect, scripted, answer, samples):
    inputs = (TensorMetadata("x" * 9_999, "FP32", (-1, 1, 3, 3)),)
    scripted.metadata = answer.http(*encode_metadata(ModelMetadata("infnet", (), "", inputs, ())))
    with pytest.raises(ProtocolError, match="is this the InfNet") as caught:
        connect(codebook, scripted.url).infer(samples[0])
    assert len(str(caught.value)) < 2_000


def test_what_was_assumed_is_asked_before_the_first_message(
    codebook, connect, scripted, answer, samples
):
    scripted.deaf = True
    client = connect(codebook, scripted.url, Limits(attempts=1))
    client.connect(Agreed("old"))
    message = client.prepare(samples[0])
    with pytest.raises(BackendUnavailableError):
        client.send(message)
    assert client.agreed == Agreed("old")
    scripted.deaf = False
    assert client.send(message) == 1
    assert client.agreed == client.connect() == Agreed("x")
    assert client.infer(samples[0]) == 1
    assert len(scripted.probes) == 1
    kinds = [request[:4] for request in scripted.requests]
    assert kinds[-3:] == [b"POST"] * 3  # probe, then both messages
