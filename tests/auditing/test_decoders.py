"""Every decoder undoes what can be undone, and says where it has nothing to work on."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from obfnet.auditing.attacks.convolutional import ConvolutionalDecoder
from obfnet.auditing.attacks.kernel import KernelRidge
from obfnet.auditing.attacks.label_only import LabelOnly
from obfnet.auditing.attacks.mlp import MlpDecoder
from obfnet.auditing.attacks.nearest import NearestPairs
from obfnet.auditing.attacks.perceptual import PerceptualDecoder
from obfnet.auditing.attacks.similar import SimilarDecoder
from obfnet.auditing.decoder import Decoder
from obfnet.auditing.evidence import collect
from obfnet.auditing.features import Features, distance
from obfnet.auditing.leakage import leakage
from obfnet.auditing.subject import Subject, raw
from obfnet.errors import NotMeasurableError
from obfnet.nets.infnet import InfNet

ATTACKS = (
    MlpDecoder,
    ConvolutionalDecoder,
    PerceptualDecoder,
    SimilarDecoder,
    NearestPairs,
    KernelRidge,
)


def scrambling():
    """A bottleneck as the papers' O_M has, with weights and biases as torch draws them.

    Drawn here: how far x' is from linear in x must not hang on how the published nets begin.
    """
    torch.manual_seed(0)
    narrow, wide = nn.Linear(64, 48), nn.Linear(48, 64)
    net = nn.Sequential(
        nn.Flatten(), narrow, nn.ReLU(), wide, nn.ReLU(), nn.Unflatten(1, (1, 8, 8))
    ).eval()

    def transform(samples):
        with torch.inference_mode():
            return net(torch.from_numpy(samples)).numpy()

    return transform


def blur(samples):
    """Mean of a pixel and its four neighbours, twice."""
    for _ in range(2):
        padded = np.pad(samples, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
        middle = padded[:, :, 1:-1]
        samples = (middle[..., :-2] + middle[..., 1:-1] + middle[..., 2:]) / 5
        samples += (padded[:, :, :-2, 1:-1] + padded[:, :, 2:, 1:-1]) / 5
    return samples


@pytest.fixture(scope="session")
def evidence(infnet, digits, splits, tiny):
    subjects = {
        "raw": raw(),
        "blur": Subject("blur", blur),
        "scrambled": Subject("scrambled", scrambling()),
        "constant": Subject("constant", lambda samples: np.full_like(samples, 0.5)),
    }
    effort = replace(tiny, steps=120, evaluated=300)
    return {
        name: collect(subject, infnet, digits, splits, effort) for name, subject in subjects.items()
    }


def leaked(attack, evidence):
    return leakage(attack(evidence, 0), LabelOnly()(evidence, 0), 0).value


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize(
    ("subject", "least"), [("raw", 0.8), ("blur", 0.7), ("scrambled", 0.5), ("constant", 0)]
)
def test_what_can_be_undone_is_undone(attack, subject, least, evidence):
    if (attack, subject) == (KernelRidge, "constant"):
        with pytest.raises(NotMeasurableError, match="never vary"):
            attack()(evidence[subject], 0)
        return
    found = leaked(attack(), evidence[subject])
    assert found >= least
    if subject == "constant":
        assert found < 0.02  # nothing is there to be found


@pytest.mark.parametrize("attack", ATTACKS)
def test_same_seed_same_answers(attack, evidence):
    quick = evidence["scrambled"]
    quick = replace(quick, known=replace(quick.known, effort=replace(quick.known.effort, steps=15)))
    one, other = (attack()(quick, 7).samples for _ in range(2))
    assert np.array_equal(one, other)


def test_a_net_sees_more_than_a_linear_map_where_x_is_scrambled(evidence):
    """The dense lift and what follows it add to the ridge regression that they start from."""
    attack = ConvolutionalDecoder()
    found = leaked(attack, evidence["scrambled"])
    attack._net.out.weight.data.zero_()
    attack._net.out.bias.data.zero_()
    evaluation = evidence["scrambled"].evaluation
    linear = attack.reconstruct(evaluation.released, evaluation.answers)
    linear_error = np.square(linear.clip(0, 1) - evaluation.originals).mean()
    floor = LabelOnly()(evidence["scrambled"], 0).errors.mean()
    assert found > 1 - linear_error / floor + 0.02


@pytest.mark.parametrize("attack", [ConvolutionalDecoder, PerceptualDecoder])
def test_flat_samples_are_no_pictures(attack, evidence):
    plain = evidence["raw"]
    spec = replace(plain.known.spec, shape=(64,))
    with pytest.raises(NotMeasurableError, match="no pictures"):
        attack().fit(replace(plain.known, spec=spec), 0)


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 20, 45), (3, 32, 32), (1, 28, 28), (2, 65, 9)])
@pytest.mark.parametrize("released", [(16, 8, 8), (64,), None])
def test_a_decoder_takes_any_shape_and_starts_from_the_linear_map(shape, released):
    released = released or shape
    torch.manual_seed(0)
    linear = nn.Linear(int(np.prod(released)) + 10, int(np.prod(shape)))
    net = Decoder(linear, released, 10, shape, 4).eval()
    rows = torch.randn(3, linear.in_features)
    assert torch.allclose(net(rows), linear(rows))
    nn.init.normal_(net.out.weight)
    assert not torch.allclose(net(rows), linear(rows), atol=0.1)


def test_a_perceptual_decoder_is_nearer_to_the_infnets_eye(evidence):
    plain, refined = ConvolutionalDecoder(), PerceptualDecoder()
    subject = evidence["scrambled"]
    features = Features(subject.known.infnet)

    def apart(attack):
        samples = attack(subject, 0).samples
        with torch.inference_mode():
            seen, there = (
                features(torch.from_numpy(some)) for some in (samples, subject.evaluation.originals)
            )
        return float(distance(seen, there).mean())

    assert apart(refined) < 0.97 * apart(plain)
    subject.known.infnet.verify()  # its layers were only looked at
    assert not any(layer._forward_hooks for layer in subject.known.infnet.module.modules())


@pytest.mark.parametrize("score", ["ssim", "pyramid"])
def test_a_decoder_for_similar_pictures_is_better_by_those_scores(evidence, score):
    subject = evidence["scrambled"]
    plain, refined = (
        attack(subject, 0).scores[score].mean()
        for attack in (ConvolutionalDecoder(), SimilarDecoder())
    )
    assert refined < plain


def test_an_infnet_that_shows_no_layers_has_no_eye(evidence):
    class Remote(InfNet):
        digest = "remote"

        def log_probabilities(self, samples, batch=512):
            return np.zeros((len(samples), 10), np.float32)

        def verify(self):
            pass

    known = replace(evidence["raw"].known, infnet=Remote())
    with pytest.raises(NotMeasurableError, match="layers of the InfNet"):
        PerceptualDecoder().fit(known, 0)
