"""An ObfNet in front of a classifier of the Adversarial Robustness Toolbox, for real."""

import numpy as np
import pytest
import torch
from torch import nn

pytest.importorskip("art", reason="needs adversarial-robustness-toolbox", exc_type=ImportError)

from art.attacks.evasion import FastGradientMethod
from art.estimators.classification import PyTorchClassifier

from obfnet.auditing.adapters.art_preprocessor import ObfNetPreprocessor
from obfnet.auditing.adapters.recorded import recorded
from obfnet.errors import SpecError


def classifier(infnet, defence):
    return PyTorchClassifier(
        infnet.module,
        loss=nn.CrossEntropyLoss(),
        input_shape=(1, 8, 8),
        nb_classes=10,
        clip_values=(0.0, 1.0),
        preprocessing_defences=defence,
        device_type="cpu",
    )


def test_it_answers_as_device_and_backend_do(infnet, codebook, digits, splits):
    samples = digits.samples[splits.evaluation[:50]]
    guarded = classifier(infnet, ObfNetPreprocessor(codebook))
    found = guarded.predict(samples).argmax(axis=1)
    assert np.array_equal(found, infnet.predict(codebook(samples)))


def test_its_gradient_is_the_smooth_forms(infnet, codebook, digits, splits):
    samples = digits.samples[splits.evaluation[:5]]
    defence = ObfNetPreprocessor(codebook)
    above = np.random.default_rng(0).random(samples.shape, dtype=np.float32)
    given = torch.tensor(samples, requires_grad=True)
    (wanted,) = torch.autograd.grad(defence.subject.gradients(given), given, torch.tensor(above))
    found = defence.estimate_gradient(samples, above)
    assert np.allclose(found, wanted.numpy(), atol=1e-6)
    assert np.abs(found).max() > 0


def test_an_attack_of_art_runs_against_it(infnet, codebook, digits, splits):
    """A gradient attack through the smooth form changes more answers than noise as strong."""
    chosen = splits.evaluation[:100]
    samples, labels = digits.samples[chosen], digits.labels[chosen]
    guarded = classifier(infnet, ObfNetPreprocessor(codebook))
    attacked = FastGradientMethod(guarded, eps=0.2).generate(samples, y=np.eye(10)[labels])
    sign = np.random.default_rng(0).choice([-0.2, 0.2], samples.shape)
    noisy = (samples + sign).clip(0, 1).astype(np.float32)

    def right(given):
        return (guarded.predict(given).argmax(axis=1) == labels).mean()

    assert right(attacked) < right(noisy) - 0.2


def test_without_gradients_it_is_the_identity_as_in_art():
    samples = np.ones((2, 1, 8, 8), np.float32)
    defence = ObfNetPreprocessor(np.negative)
    assert np.array_equal(defence(samples)[0], -samples)
    assert np.array_equal(defence.estimate_gradient(samples, 3 * samples), 3 * samples)
    assert not defence.apply_fit
    assert defence.apply_predict


def test_recorded_pairs_cannot_stand_in_front_of_a_classifier():
    samples = np.ones((2, 1, 8, 8), np.float32)
    with pytest.raises(SpecError, match="recorded elsewhere"):
        ObfNetPreprocessor(recorded(samples, samples))
