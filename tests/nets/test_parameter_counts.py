"""Layer for layer the papers' nets: their parameter counts are the papers'."""

import pytest
import torch

from obfnet.nets import fsd, mnist
from obfnet.nets.cost import macs, parameters
from obfnet.nets.separable import SeparableEncoder

MILLION = 1e6


@pytest.mark.parametrize(
    ("net", "exact", "published"),
    [
        (mnist.conv_infnet(), 1_199_882, 1.2 * MILLION),
        (mnist.mlp_infnet(), 932_362, 0.93 * MILLION),
        (fsd.conv_infnet(), 1_110_618, 1.1 * MILLION),
        (fsd.mlp_infnet(), 1_008_534, 1.0 * MILLION),
    ],
)
def test_infnets(net, exact, published):
    assert parameters(net) == exact
    assert parameters(net) == pytest.approx(published, rel=0.03)


@pytest.mark.parametrize(
    ("halves", "published"),
    [
        (fsd.mlp_obfnet(), 0.37 * MILLION),
        (fsd.conv_obfnet(), 0.65 * MILLION),
        (mnist.mlp_obfnet(width=8), 13_000),
        (mnist.mlp_obfnet(width=512), 0.8 * MILLION),
    ],
)
def test_obfnets(halves, published):
    count = parameters(halves.encoder) + parameters(halves.decoder)
    assert count == pytest.approx(published, rel=0.03)


@pytest.mark.parametrize(
    ("halves", "shape", "width"),
    [
        (mnist.mlp_obfnet((1, 8, 8), 16), (1, 8, 8), 16),
        (mnist.conv_obfnet((1, 28, 28), 16), (1, 28, 28), 16),
        (fsd.mlp_obfnet(), fsd.SHAPE, 200),
        (fsd.conv_obfnet(), fsd.SHAPE, 720),
    ],
)
def test_obfnets_keep_the_shape(halves, shape, width):
    code = halves.encoder(torch.rand(3, *shape))
    assert code.shape == (3, width)
    assert halves.decoder(code).shape == (3, *shape)


def test_the_small_encoder_is_small():
    encoder = SeparableEncoder((1, 28, 28), 10)
    assert parameters(encoder) == 9_210 <= 10_000
    assert macs(encoder, (1, 28, 28)) <= 1_000_000


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 20, 45), (3, 32, 32), (3, 17, 9)])
def test_the_small_encoder_takes_any_picture(shape):
    assert SeparableEncoder(shape, 7)(torch.rand(2, *shape)).shape == (2, 7)


def test_macs_of_a_layer_counted_by_hand():
    net = torch.nn.Sequential(torch.nn.Conv2d(2, 4, 3), torch.nn.Flatten(), torch.nn.Linear(36, 5))
    assert macs(net, (2, 5, 5)) == 4 * 9 * (2 * 9) + 36 * 5
