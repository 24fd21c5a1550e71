"""Whatever a model answers with, the same samples get the same labels, and mistakes are told."""

import numpy as np
import pytest
import torch
from torch import nn

import obfnet
from obfnet.errors import SpecError
from obfnet.nets.answers import FLOOR


class Labels(nn.Module):
    def __init__(self, column=False):
        super().__init__()
        self.column = column

    def forward(self, samples):
        return samples.flatten(1).argmax(1, keepdim=self.column)


SAMPLES = np.random.default_rng(0).random((9, 1, 2, 2), dtype=np.float32)
FLAT = nn.Flatten()
TRUTH = SAMPLES.reshape(9, 4).argmax(1)


@pytest.mark.parametrize(
    ("model", "options"),
    [
        (FLAT, {}),
        (FLAT, {"classes": 4}),
        (nn.Sequential(FLAT, nn.LogSoftmax(1)), {}),
        (nn.Sequential(FLAT, nn.Softmax(1)), {"answers": "probabilities"}),
        (FLAT, {"answers": "probabilities"}),  # they need not sum to one
        (Labels(), {"answers": "labels", "classes": 4}),
        (Labels(column=True), {"answers": "labels", "classes": 4}),
    ],
)
def test_every_kind_of_answer_gives_the_same_labels(model, options):
    infnet = obfnet.freeze(model, **options)
    scores = infnet.log_probabilities(SAMPLES, batch=4)
    assert scores.shape == (9, 4)
    assert scores.dtype == np.float32
    assert np.allclose(np.exp(scores).sum(1), 1, atol=1e-5)
    assert (infnet.predict(SAMPLES) == TRUTH).all()


def test_probabilities_and_logits_agree():
    logits = obfnet.freeze(FLAT).log_probabilities(SAMPLES)
    softened = obfnet.freeze(nn.Sequential(FLAT, nn.Softmax(1)), "probabilities")
    assert np.allclose(softened.log_probabilities(SAMPLES), logits, atol=1e-5)


def test_a_probability_of_zero_is_floored():
    certain = obfnet.freeze(nn.Sequential(FLAT, nn.Threshold(0.5, 0)), "probabilities")
    scores = certain.log_probabilities(np.float32([[[[1, 0, 0, 0]]]]))
    assert scores[0] == pytest.approx([0, *[np.log(FLOOR)] * 3], abs=1e-5)


def test_probabilities_give_gradients_and_labels_do_not():
    samples = torch.tensor(SAMPLES, requires_grad=True)
    softened = obfnet.freeze(nn.Sequential(FLAT, nn.Softmax(1)), "probabilities")
    softened.logits(samples)[:, 0].sum().backward()
    assert softened.differentiable
    assert samples.grad.abs().sum() > 0
    labelling = obfnet.freeze(Labels(), "labels", 4)
    assert not labelling.differentiable
    with pytest.raises(SpecError, match="without gradients"):
        labelling.logits(samples)


@pytest.mark.parametrize(
    ("model", "answers"),
    [(FLAT, "logits"), (FLAT, "probabilities"), (Labels(), "labels")],
)
def test_the_datas_classes_may_be_some_of_the_models(model, answers):
    infnet = obfnet.freeze(model, answers, outputs=(3, 1))
    some = np.isin(TRUTH, (3, 1))
    assert some.any()
    assert not some.all()
    assert infnet.log_probabilities(SAMPLES).shape == (9, 2)
    assert (infnet.predict(SAMPLES)[some] == (TRUTH[some] == 1)).all()


def test_a_label_outside_the_datas_classes_says_nothing():
    infnet = obfnet.freeze(Labels(), "labels", outputs=(3, 1))
    scores = infnet.log_probabilities(SAMPLES)[~np.isin(TRUTH, (3, 1))]
    assert np.allclose(scores, np.log(0.5))


def test_a_softmax_taken_for_logits_is_told():
    infnet = obfnet.freeze(nn.Sequential(FLAT, nn.Softmax(1)))
    for ask in (infnet.log_probabilities, lambda x: infnet.logits(torch.tensor(x))):
        with pytest.raises(SpecError, match="answers='probabilities'"):
            ask(SAMPLES)


def test_logits_taken_for_probabilities_are_told():
    with pytest.raises(SpecError, match="answers='logits'"):
        obfnet.freeze(FLAT, "probabilities").predict(-SAMPLES)


@pytest.mark.parametrize("count", [3, 2])
def test_labels_beyond_the_classes_are_told(count):
    with pytest.raises(SpecError, match="correct answers= or classes="):
        obfnet.freeze(Labels(), "labels", count).predict(SAMPLES)


def test_scores_taken_for_labels_are_told():
    with pytest.raises(SpecError, match="no classifier"):
        obfnet.freeze(FLAT, "labels", 4).predict(SAMPLES)
    with pytest.raises(SpecError, match="whole numbers"):
        obfnet.freeze(nn.Sequential(FLAT, nn.Linear(4, 1)), "labels", 4).predict(SAMPLES)


@pytest.mark.parametrize(
    ("model", "options"),
    [
        (nn.Identity(), {}),
        (FLAT, {"classes": 5}),
        (FLAT, {"outputs": (0, 4)}),
        (nn.Sequential(FLAT, nn.Linear(4, 1)), {}),
        (Labels(), {}),
        (nn.Flatten(0), {}),
        (nn.GRU(2, 2), {}),
    ],
)
def test_what_is_no_such_classifier_is_told(model, options):
    infnet = obfnet.freeze(model, **options)
    samples = SAMPLES[:, 0] if isinstance(model, nn.GRU) else SAMPLES
    with pytest.raises(SpecError, match="the InfNet answers with"):
        infnet.predict(samples)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"answers": "softmax"}, "'logits', 'probabilities', 'labels'"),
        ({"answers": "labels"}, "give classes="),
        ({"classes": 1}, "2 classes or more"),
        ({"outputs": (0,)}, "2 or more different"),
        ({"outputs": (1, 1)}, "2 or more different"),
        ({"outputs": (0, -1)}, "2 or more different"),
        ({"outputs": (0, 4), "classes": 4}, "2 or more different"),
    ],
)
def test_impossible_readings_are_refused(options, message):
    with pytest.raises(SpecError, match=message):
        obfnet.freeze(FLAT, **options)


@pytest.mark.parametrize("model", [None, 3, b"model.onnx", lambda x: x])
def test_what_nothing_can_freeze_is_refused(model):
    with pytest.raises(SpecError, match=r"expected a torch\.nn\.Module"):
        obfnet.freeze(model)
