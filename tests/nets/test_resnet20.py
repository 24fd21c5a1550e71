"""ResNet-20 is the published one, layer for layer, and so are its answers."""

import numpy as np
import pytest
import torch

import obfnet
from obfnet import data
from obfnet.errors import SpecError
from obfnet.nets.cifar10 import SHAPE, resnet20, trained_resnet20
from obfnet.nets.cost import macs, parameters
from real_data import or_skip


def test_its_size():
    net = resnet20()
    assert parameters(net) == 269_722
    assert macs(net, SHAPE) == pytest.approx(41e6, rel=0.02)


def test_a_third_partys_weights_answer_as_published():
    pictures = or_skip(lambda: data.load("cifar10"))
    net = or_skip(trained_resnet20)
    test = np.flatnonzero(pictures.official_test)
    infnet = obfnet.freeze(net)
    accuracy = (infnet.predict(pictures.samples[test], batch=100) == pictures.labels[test]).mean()
    assert accuracy == pytest.approx(0.915, abs=0.003)
    assert accuracy >= 0.91
    infnet.verify()


def test_the_normalisation_inside_counts_in_the_digest():
    net = resnet20()
    assert "mean" not in net.state_dict()
    infnet = obfnet.freeze(net)
    net.mean += 1
    with pytest.raises(obfnet.ObfNetError, match="wrote to its parameters"):
        infnet.verify()


def test_gradients_reach_the_pictures():
    samples = torch.rand(2, *SHAPE, requires_grad=True)
    obfnet.freeze(resnet20()).logits(samples)[:, 0].sum().backward()
    assert samples.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("make", "arguments"),
    [
        (resnet20, ((1, 32, 32), 10)),
        (resnet20, ((3, 4, 32), 10)),
        (trained_resnet20, ((3, 16, 16), 10)),
        (trained_resnet20, (SHAPE, 9)),
    ],
)
def test_what_it_does_not_take(make, arguments):
    with pytest.raises(SpecError, match="got"):
        make(*arguments)
