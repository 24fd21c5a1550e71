"""Layer for layer the papers' nets: their parameter counts are the papers'."""

import pytest
import torch
from torch import nn

from obfnet.errors import SpecError
from obfnet.nets import asl, fsd, mnist
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


@pytest.mark.parametrize(
    ("make", "exact", "published"),
    [
        (asl.conv_infnet, 111_405_149, 111 * MILLION),
        (lambda: nn.Sequential(*asl.mlp_obfnet(width=256)), 6_304_000, 6.3 * MILLION),
        (lambda: nn.Sequential(*asl.mlp_obfnet(width=1024)), 25_179_136, 25.2 * MILLION),
        (lambda: nn.Sequential(*asl.conv_obfnet(width=512)), 22_050_176, 22 * MILLION),
        (lambda: nn.Sequential(*asl.conv_obfnet(width=1024)), 44_087_168, 44 * MILLION),
    ],
)
def test_sign_language_nets(make, exact, published):
    with torch.device("meta"):  # a hundred million parameters, none of them stored
        net = make()
        answer = net.eval()(torch.empty(2, *asl.SHAPE))
    assert parameters(net) == exact
    assert exact == pytest.approx(published, rel=0.005)
    assert answer.shape in {(2, 29), (2, *asl.SHAPE)}


@pytest.mark.parametrize("shape", [(1, 8, 10), (3, 9, 11), (2, 33, 17)])
@pytest.mark.parametrize("room", [mnist, fsd, asl])
def test_the_papers_nets_take_any_picture(room, shape):
    with torch.device("meta"):
        samples = torch.empty(2, *shape)
        for make in (room.mlp_obfnet, room.conv_obfnet):
            halves = make(shape, 6)
            assert halves.decoder(halves.encoder(samples)).shape == samples.shape
        assert room.conv_infnet(shape, 7)(samples).shape == (2, 7)


@pytest.mark.parametrize(
    ("make", "least"),
    [
        (mnist.conv_infnet, (6, 6)),
        (mnist.conv_obfnet, (4, 4)),
        (fsd.conv_infnet, (7, 10)),
        (fsd.conv_obfnet, (5, 10)),
        (asl.conv_infnet, (8, 8)),
        (asl.conv_obfnet, (4, 4)),
    ],
)
def test_a_picture_too_small_for_unpadded_convolutions_is_refused(make, least):
    height, width = least
    with torch.device("meta"):
        make((1, height, width))
    for wrong in [(1, height - 1, width), (1, height, width - 1), (height, width)]:
        with pytest.raises(SpecError, match=f"{height}x{width} or more"):
            make(wrong)


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


@pytest.mark.parametrize("kind", [mnist.mlp_obfnet, mnist.conv_obfnet])
def test_narrow_obfnets_begin_as_tensorflows_do(kind):
    for layer in layers(kind((1, 12, 12), width=8)):
        bound = (6 / (layer.in_features + layer.out_features)) ** 0.5
        assert 0.9 * bound < layer.weight.abs().max() <= bound
        assert not layer.bias.any()


@pytest.mark.parametrize("kind", [asl.mlp_obfnet, asl.conv_obfnet])
def test_those_of_signs_begin_about_the_middle_of_the_colours(kind):
    torch.manual_seed(0)
    first = next(
        layer for layer in kind(width=8).encoder if isinstance(layer, nn.Linear | nn.Conv2d)
    )
    flat = isinstance(first, nn.Linear)
    grey = torch.full((1, 3 * 64 * 64) if flat else (1, 3, 64, 64), asl.MIDDLE)
    colours = grey + asl.SPREAD * torch.randn(200, *grey.shape[1:])
    assert first(grey).abs().max() < 1e-4
    assert first(colours).mean(0).abs().max() < 0.5 * first(colours).std()


def layers(halves):
    return [layer for half in halves for layer in half if isinstance(layer, nn.Linear)]
