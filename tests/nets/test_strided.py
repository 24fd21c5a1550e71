"""The strided encoder fits any picture of 8x8 or more, and trains side by side."""

import pytest
import torch

from obfnet.errors import SpecError
from obfnet.nets.cost import cost
from obfnet.nets.strided import StridedEncoder


@pytest.mark.parametrize("shape", [(1, 28, 28), (1, 20, 45), (3, 64, 64), (1, 8, 8), (2, 9, 31)])
@pytest.mark.parametrize("widths", [(16,), (16, 32), (4, 8, 8)])
def test_any_picture(shape, widths):
    made = StridedEncoder(shape, 7, widths).eval()
    assert made(torch.rand(3, *shape)).shape == (3, 7)


def test_what_it_costs():
    made = cost(StridedEncoder((1, 28, 28), 10), (1, 28, 28))
    assert (made.params, made.macs) == (10_234, 104_448)
    shrunk = cost(StridedEncoder((3, 64, 64), 29, shrink=2), (3, 64, 64))
    assert shrunk.macs < cost(StridedEncoder((3, 64, 64), 29), (3, 64, 64)).macs / 3


@pytest.mark.parametrize(
    ("shape", "outputs", "more"),
    [
        ((28, 28), 10, {}),
        ((1, 7, 28), 10, {}),
        ((1, 28, 28), 10, {"shrink": 4}),
        ((1, 28, 28), 0, {}),
        ((1, 28, 28), 10, {"widths": ()}),
    ],
)
def test_what_it_does_not_take(shape, outputs, more):
    with pytest.raises(SpecError, match="strided encoder needs"):
        StridedEncoder(shape, outputs, **more)
