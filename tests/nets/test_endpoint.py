"""A live model: a real server on loopback for what it answers, a scripted one for what it must not.

Its label is the greatest of the first three of a sample's four values, so every answer is exact.
"""

import time
from urllib.parse import urlsplit

import numpy as np
import pytest
import torch

import obfnet
from listeners import Listener, Relay, Scripted, http_answer, scores_answer
from obfnet.errors import (
    BackendRefusedError,
    BackendUnavailableError,
    InfNetChangedError,
    ProtocolError,
    QueryBudgetError,
    SpecError,
    StorageError,
)
from obfnet.nets.endpoint import EndpointInfNet
from obfnet.nets.probes import COUNT
from obfnet.nets.terms import Terms
from obfnet.serving import Settings, running
from obfnet.wire import ModelMetadata, TensorMetadata, encode_error, encode_metadata
from obfnet.wire.transport import Limits
from onnx_files import SAMPLE, onnx_net, repository, scores

LABELS = ("ArgMax", ["s"], "y", {"axis": 1, "keepdims": 0})
MODELS = {
    "logits": scores(),
    "probabilities": scores(("Softmax", ["s"], "y")),
    "labels": scores(LABELS, gives=["n"], answers=7),
    "one": scores(accepts=[1, 1, 2, 2], gives=(1, 3)),
    "free": onnx_net(
        [("GlobalAveragePool", ["x"], "g"), ("Flatten", ["g"], "y")], ["n", 3, "h", "w"], ["n", 3]
    ),
    "picture": onnx_net([("Identity", ["x"], "y")], gives=SAMPLE),
    "two": onnx_net([("Add", ["x", "z"], "y")], ["n", 4], ["n", 4], beside=["z"]),
}
SAMPLES = np.random.default_rng(0).random((30, 1, 2, 2), dtype=np.float32)
TRUTH = SAMPLES.reshape(-1, 4)[:, :3].argmax(1)
QUICK = Limits(timeout=10, attempts=3, backoff=0.001)


@pytest.fixture(scope="module")
def backend(tmp_path_factory):
    folder = repository(tmp_path_factory.mktemp("models"), **MODELS)
    with running(Settings(folder, port=0)) as url:
        yield url


@pytest.fixture
def relay(backend):
    with Relay(backend) as relay:
        yield relay


class Classifier(Scripted):
    """Answers scores of the right shape to any number of samples, unless it is told otherwise."""

    def __init__(self, accepts=(-1, 1, 2, 2), gives=()):
        super().__init__()
        tensors = (
            (TensorMetadata("x", "FP32", accepts),),
            (TensorMetadata("y", "FP32", gives),),
        )
        self.describe("1", tensors)

    def describe(self, version, tensors):
        self.metadata = http_answer(*encode_metadata(ModelMetadata("m", (version,), "", *tensors)))

    def _next(self):
        if self.answers:
            return self.answers.pop(0)
        (shape,) = (int(n) for n in [self.posts[-1].split(b'"shape":[')[1].split(b",")[0]])
        values = np.frombuffer(self.posts[-1][-shape * 16 :], np.float32).reshape(shape, 4)
        return scores_answer(values[:, :3])


@pytest.fixture
def scripted():
    with Classifier() as listener:
        yield listener


def freeze(listener, **terms):
    terms.setdefault("limits", QUICK)
    return obfnet.freeze(f"{listener.url}/v2/models/m", terms=Terms(**terms))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("logits", {}),
        ("logits/versions/1", {"classes": 3}),
        ("probabilities", {"answers": "probabilities"}),
        ("labels", {"answers": "labels", "classes": 3}),
        ("one", {}),
    ],
)
def test_a_live_model_is_an_infnet(name, options, backend):
    infnet = obfnet.freeze(f"{backend}/v2/models/{name}", **options)
    assert isinstance(infnet, EndpointInfNet)
    assert not infnet.differentiable
    found = infnet.log_probabilities(SAMPLES)
    assert found.shape == (30, 3)
    assert found.dtype == np.float32
    assert np.allclose(np.exp(found).sum(1), 1, atol=1e-5)
    assert (infnet.predict(SAMPLES) == TRUTH).all()
    assert infnet.queries == COUNT + 30  # the second call was answered from memory
    with pytest.raises(SpecError, match="without gradients"):
        infnet.logits(torch.tensor(SAMPLES))
    infnet.verify()
    assert infnet.queries == 2 * COUNT + 30
    assert infnet.predict(SAMPLES[:0]).shape == (0,)


def test_logits_come_back_as_the_model_gave_them(backend):
    infnet = obfnet.freeze(f"{backend}/v2/models/logits")
    wanted = torch.tensor(SAMPLES.reshape(30, 4)[:, :3]).log_softmax(1).numpy()
    assert np.allclose(infnet.log_probabilities(SAMPLES), wanted, atol=1e-6)


def test_some_of_its_outputs(backend):
    infnet = obfnet.freeze(f"{backend}/v2/models/logits", outputs=(2, 0))
    two = SAMPLES.reshape(30, 4)[:, [2, 0]]
    assert (infnet.predict(SAMPLES) == two.argmax(1)).all()


@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        ("probabilities", {}, "answers='probabilities'"),
        ("logits", {"answers": "labels", "classes": 3}, "no classifier"),
        ("logits", {"classes": 4}, "no classifier"),
        ("picture", {}, "no classifier"),
        ("two", {}, "one FP32 input"),
        ("free", {}, "probes="),
        ("", {}, "expected a URL like"),
        ("logits", {"probes": SAMPLES[:, 0]}, "takes float32 samples"),
    ],
)
def test_what_is_no_classifier_of_samples_is_refused(path, options, message, backend):
    with pytest.raises(SpecError, match=message):
        obfnet.freeze(f"{backend}/v2/models/{path}", **options)


@pytest.mark.parametrize("url", ["http://backend:8000", "ftp://backend/v2/models/m", "ftp://x"])
def test_what_is_no_url_of_a_model_is_refused(url):
    with pytest.raises(SpecError, match="expected a"):
        obfnet.freeze(url)


def test_probes_may_be_given_for_any_size(backend):
    probes = np.random.default_rng(1).random((2, 3, 4, 5), dtype=np.float32)
    infnet = obfnet.freeze(f"{backend}/v2/models/free", probes=probes)
    assert infnet.queries == 2
    assert infnet.predict(probes[:, :, :3]).shape == (2,)


def test_a_model_that_is_not_there(backend):
    with pytest.raises(BackendRefusedError, match="no model 'nobody'"):
        obfnet.freeze(f"{backend}/v2/models/nobody")


def test_requests_hold_no_more_than_the_terms_allow(relay):
    infnet = obfnet.freeze(f"{relay.url}/v2/models/logits", terms=Terms(most_batch=7))
    before = len(relay.posts)
    assert (infnet.predict(SAMPLES) == TRUTH).all()
    assert len(relay.posts) - before == 5  # 7, 7, 7, 7, 2
    assert relay.connections == 2  # one for the freezing, one for the call


def test_no_sample_is_sent_twice(relay):
    infnet = obfnet.freeze(f"{relay.url}/v2/models/logits")
    repeated = np.concatenate([SAMPLES[:5], SAMPLES[:5], SAMPLES[3:8]])
    assert (infnet.predict(repeated) == [*TRUTH[:5], *TRUTH[:5], *TRUTH[3:8]]).all()
    assert infnet.queries == COUNT + 8
    posts = len(relay.posts)
    assert (infnet.predict(SAMPLES[:8]) == TRUTH[:8]).all()
    assert len(relay.posts) == posts


def test_the_budget_is_hard_and_known_before_anything_is_sent(relay):
    terms = Terms(most_queries=COUNT + 20)
    infnet = obfnet.freeze(f"{relay.url}/v2/models/logits", terms=terms)
    with pytest.raises(QueryBudgetError, match="30 samples are to be sent, 20 of most_queries=28"):
        infnet.predict(SAMPLES)
    assert infnet.queries == COUNT
    assert (infnet.predict(SAMPLES[:20]) == TRUTH[:20]).all()
    with pytest.raises(QueryBudgetError):
        infnet.predict(SAMPLES[:21])
    with pytest.raises(QueryBudgetError):
        infnet.verify()
    assert (infnet.predict(SAMPLES[:20]) == TRUTH[:20]).all()  # memory costs nothing
    with pytest.raises(QueryBudgetError):
        obfnet.freeze(f"{relay.url}/v2/models/logits", terms=Terms(most_queries=COUNT - 1))


def test_repeated_attempts_count_and_end_at_the_budget(scripted):
    infnet = freeze(scripted, most_queries=COUNT + 25, most_batch=10)
    scripted.answers = [None]
    with pytest.raises(QueryBudgetError, match="10 samples are to be sent, 5 of"):
        infnet.predict(SAMPLES[:20])  # 10 lost, 10 answered, no room for the other 10
    assert infnet.queries == COUNT + 20
    posts = len(scripted.posts)
    assert (infnet.predict(SAMPLES[:10]) == TRUTH[:10]).all()
    assert len(scripted.posts) == posts


def test_what_was_answered_before_an_error_is_kept(scripted):
    infnet = freeze(scripted, most_batch=10)
    broken = [None] * QUICK.attempts
    scripted.answers = [scores_answer(SAMPLES[:10].reshape(10, 4)[:, :3]), *broken]
    with pytest.raises(BackendUnavailableError, match="3 attempts"):
        infnet.predict(SAMPLES)
    assert infnet.queries == COUNT + 40
    assert (infnet.predict(SAMPLES) == TRUTH).all()
    assert infnet.queries == COUNT + 60


def test_a_killed_run_keeps_what_it_has_paid_for(relay, tmp_path):
    url = f"{relay.url}/v2/models/logits"
    terms = Terms(most_batch=8, keep=tmp_path / "kept")
    first = obfnet.freeze(url, terms=terms)
    wanted = first.log_probabilities(SAMPLES)
    again = obfnet.freeze(url, terms=terms)
    assert np.array_equal(again.log_probabilities(SAMPLES), wanted)
    assert again.queries == COUNT
    damaged = next((tmp_path / "kept").rglob("*.npz"))
    damaged.write_bytes(damaged.read_bytes()[:50])
    third = obfnet.freeze(url, terms=terms)
    assert np.array_equal(third.log_probabilities(SAMPLES), wanted)
    assert COUNT < third.queries <= COUNT + 8
    other = obfnet.freeze(f"{relay.url}/v2/models/one", terms=terms)
    other.predict(SAMPLES[:3])
    assert other.queries == COUNT + 3  # another model's answers are not its own


def test_labels_are_kept_as_well(backend, tmp_path):
    url, terms = f"{backend}/v2/models/labels", Terms(keep=tmp_path)
    obfnet.freeze(url, "labels", 3, terms=terms).predict(SAMPLES)
    again = obfnet.freeze(url, "labels", 3, terms=terms)
    assert (again.predict(SAMPLES) == TRUTH).all()
    assert again.queries == COUNT


def test_a_folder_that_cannot_be_written_loses_no_answer(backend, tmp_path):
    (tmp_path / "kept").write_text("a file where a folder should be")
    infnet = obfnet.freeze(
        f"{backend}/v2/models/logits", terms=Terms(keep=tmp_path / "kept", most_queries=COUNT + 30)
    )
    with pytest.raises(StorageError):
        infnet.predict(SAMPLES)
    assert (infnet.predict(SAMPLES) == TRUTH).all()


def test_the_rate_is_kept(backend):
    infnet = obfnet.freeze(f"{backend}/v2/models/logits", terms=Terms(most_batch=5, per_second=200))
    started = time.monotonic()
    infnet.predict(SAMPLES[:25])
    # A request waits for the time of all samples sent before it: at least 20 of them here.
    assert time.monotonic() - started > 20 / 200


def test_silence_ends_at_the_timeout():
    class Silent(Listener):
        def serve(self, connection):
            while connection.recv(1 << 16):
                pass

    with Silent() as silent, pytest.raises(BackendUnavailableError, match="timed out"):
        freeze(silent, limits=Limits(timeout=0.05, attempts=2, backoff=0))


def test_a_busy_backend_is_asked_again(scripted):
    infnet = freeze(scripted)
    scripted.answers = [http_answer(*encode_error("busy"), "503 Service Unavailable")]
    assert (infnet.predict(SAMPLES) == TRUTH).all()
    assert infnet.queries == COUNT + 60


@pytest.mark.parametrize(
    "answer",
    [
        scores_answer(),
        scores_answer(np.zeros((30, 3, 1), np.float32)),
        scores_answer(np.zeros(30, np.float32)),
        scores_answer(np.zeros((29, 3), np.float32)),
        scores_answer(np.zeros((30, 1), np.float32)),
        scores_answer(np.zeros((30, 4), np.float32)),  # it had three classes before
        scores_answer(np.full((30, 3), np.nan, np.float32)),
        http_answer({}, b"<html>"),
    ],
)
def test_answers_that_are_none_are_told_and_not_kept(answer, scripted):
    infnet = freeze(scripted)
    scripted.answers = [answer]
    with pytest.raises(ProtocolError):
        infnet.predict(SAMPLES)
    assert (infnet.predict(SAMPLES) == TRUTH).all()


def test_another_number_of_classes_from_the_start_is_told(scripted):
    scripted.answers = [scores_answer(np.zeros((COUNT, 1), np.float32))]
    with pytest.raises(ProtocolError, match="no classifier"):
        freeze(scripted)


def test_a_changed_model_is_caught_although_its_answers_are_kept(tmp_path):
    folder = repository(tmp_path, infnet=scores())
    with running(Settings(folder, port=0)) as url:
        infnet = obfnet.freeze(f"{url}/v2/models/infnet")
        infnet.verify()
        infnet.predict(SAMPLES)
    repository(tmp_path, infnet=scores(weights=np.roll(np.eye(4, 3, dtype=np.float32), 1, axis=1)))
    with running(Settings(folder, port=urlsplit(url).port)):
        assert (infnet.predict(SAMPLES) == TRUTH).all()
        with pytest.raises(InfNetChangedError, match="another model"):
            infnet.verify()


def test_changed_metadata_is_caught(scripted):
    infnet = freeze(scripted)
    infnet.verify()
    tensors = (TensorMetadata("x", "FP32", (-1, 1, 2, 2)),), (TensorMetadata("y", "FP32", ()),)
    scripted.describe("2", tensors)
    with pytest.raises(InfNetChangedError, match="another model"):
        infnet.verify()


@pytest.mark.parametrize(
    "terms", [{"most_batch": 0}, {"per_second": 0}, {"per_second": float("nan")},
              {"most_queries": -1}]
)  # fmt: skip
def test_impossible_terms_are_refused(terms):
    with pytest.raises(SpecError, match="expected most_batch"):
        Terms(**terms)
