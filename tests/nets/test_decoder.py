"""Decoders: any code becomes a sample within its range, also once exported."""

import numpy as np
import pytest
import torch

from obfnet.bundling.onnx_export import export_onnx
from obfnet.errors import SpecError
from obfnet.nets.cost import cost
from obfnet.nets.decoder import Bounded, conv_decoder, decoder, dense_decoder
from obfnet.specs import SampleSpec


@pytest.mark.parametrize(
    "shape", [(1, 8, 8), (1, 28, 28), (1, 20, 45), (3, 32, 32), (3, 33, 70), (20,), (4, 5)]
)
@pytest.mark.parametrize("make", [dense_decoder, conv_decoder, decoder])
def test_any_code_becomes_a_sample(make, shape):
    if make is conv_decoder and len(shape) != 3:
        return
    spec = SampleSpec(shape, -1.3, 2.7)
    code = torch.randn(5, 12, generator=torch.Generator().manual_seed(0)) * 1e4
    with torch.inference_mode():
        spec.check(make(12, spec)(code).numpy())  # raises if a shape or a value is wrong


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-1.0, 1.0), (-2.117904, 2.64), (0.1, 0.3)])
def test_bounds_hold_at_the_extremes(low, high):
    spec = SampleSpec((3,), low, high)
    out = Bounded(low, high)(torch.tensor([[-1e30, 0.0, 1e30]])).numpy()
    spec.check(out)
    np.testing.assert_allclose(out, [[low, (low + high) / 2, high]], rtol=1e-6)


def test_every_layer_gets_a_gradient():
    net = conv_decoder(6, SampleSpec((3, 32, 32), 0.0, 1.0))
    net(torch.randn(4, 6)).square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in net.parameters())


def test_pictures_take_few_parameters():
    large, huge = (SampleSpec((3, side, side), 0.0, 1.0) for side in (64, 128))
    assert cost(conv_decoder(64, huge), (64,)).params < 150_000
    assert cost(conv_decoder(64, huge), (64,)).macs < cost(dense_decoder(64, huge), (64,)).macs
    assert cost(dense_decoder(64, large), (64,)).params > 1_500_000
    assert cost(decoder(64, huge), (64,)) == cost(conv_decoder(64, huge), (64,))


@pytest.mark.parametrize("make", [dense_decoder, conv_decoder])
def test_an_export_answers_alike(make):
    spec = SampleSpec((3, 33, 20), 0.0, 1.0)
    codes = np.sign(np.random.default_rng(0).standard_normal((17, 8))).astype(np.float32)
    assert export_onnx(make(8, spec), codes)  # compares the answers itself


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: dense_decoder(0, SampleSpec((4,), 0.0, 1.0)),
        lambda: dense_decoder(3, SampleSpec((4,), 0.0, 1.0), hidden=(0,)),
        lambda: conv_decoder(3, SampleSpec((4,), 0.0, 1.0)),
        lambda: conv_decoder(3, SampleSpec((1, 8, 8), 0.0, 1.0), channels=0),
    ],
)
def test_impossible_decoders_are_refused(wrong):
    with pytest.raises(SpecError):
        wrong()
