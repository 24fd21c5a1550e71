"""Frozen means frozen: parameters and buffers, by digest."""

import numpy as np
import pytest
import torch
from torch import nn

from obfnet.errors import InfNetChangedError, SpecError
from obfnet.nets.frozen import digest, freeze


def _net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(72, 4))


def test_freezing_stops_gradients_and_training_mode():
    infnet = freeze(_net().train())
    assert not infnet.module.training
    assert not any(parameter.requires_grad for parameter in infnet.module.parameters())
    samples = torch.rand(2, 1, 8, 8, requires_grad=True)
    infnet.logits(samples).sum().backward()
    assert samples.grad is not None
    assert samples.grad.abs().sum() > 0
    infnet.verify()


def test_a_batchnorm_left_in_train_mode_is_caught():
    infnet = freeze(_net())
    infnet.module.train()
    infnet.logits(torch.rand(4, 1, 8, 8))  # moves running statistics, gradients or not
    with pytest.raises(InfNetChangedError, match="train mode"):
        infnet.verify()


@pytest.mark.parametrize("part", ["0.weight", "3.bias", "1.running_var", "1.num_batches_tracked"])
def test_every_parameter_and_buffer_counts(part):
    net = _net()
    before = digest(net)
    with torch.no_grad():
        net.state_dict()[part].add_(1)
    assert digest(net) != before


def test_equal_nets_have_equal_digests():
    assert digest(_net()) == digest(_net())


def test_predictions_do_not_depend_on_the_batch():
    infnet = freeze(_net())
    samples = np.random.default_rng(0).random((37, 1, 8, 8), np.float32)
    assert (infnet.predict(samples, batch=5) == infnet.predict(samples)).all()
    assert infnet.predict(samples[:0]).shape == (0,)


def test_a_net_that_is_no_classifier_is_refused():
    infnet = freeze(nn.Conv2d(1, 1, 3))
    with pytest.raises(SpecError, match="no classifier"):
        infnet.logits(torch.rand(2, 1, 8, 8))
