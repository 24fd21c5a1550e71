"""What a net costs, and what a budget lets through."""

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from obfnet.bundling.onnx_export import export_onnx
from obfnet.errors import SpecError
from obfnet.nets.budget import Budget
from obfnet.nets.cost import Cost, cost, macs, stored_bytes
from obfnet.nets.separable import SeparableEncoder


@pytest.mark.parametrize(
    ("net", "shape", "by_hand"),
    [
        (nn.Conv2d(6, 6, 3, groups=6), (6, 5, 5), 6 * 9 * 9),  # depthwise: one input each
        (nn.Conv2d(4, 8, 1, groups=2), (4, 3, 3), 8 * 9 * 2),  # grouped: half of the inputs
        (nn.Conv1d(3, 5, 4), (3, 10), 5 * 7 * 3 * 4),
        (nn.ConvTranspose2d(2, 3, 2, stride=2), (2, 4, 4), 2 * 16 * 3 * 4),
        (nn.Sequential(nn.Linear(7, 5), nn.ReLU(), nn.Linear(5, 2)), (7,), 35 + 10),
        (nn.AvgPool2d(2), (1, 4, 4), 0),
    ],
)
def test_macs_counted_by_hand(net, shape, by_hand):
    assert macs(net, shape) == by_hand


def test_counting_on_meta_is_the_same_and_leaves_the_mode():
    net = SeparableEncoder((3, 32, 32), 10).train()
    with torch.device("meta"):
        imaginary = SeparableEncoder((3, 32, 32), 10)
    assert cost(net, (3, 32, 32)) == cost(imaginary, (3, 32, 32))
    assert net.training


def test_bytes_bound_what_an_export_holds():
    """Float32 numbers in the exported file: fewer, for batch normalisation is folded in."""
    net = SeparableEncoder((1, 8, 8), 10)
    samples = np.random.default_rng(0).random((17, 1, 8, 8), np.float32)
    graph = onnx.load_from_string(export_onnx(net, samples)).graph
    exported = sum(4 * int(np.prod(held.dims)) for held in graph.initializer)
    assert 0.85 * stored_bytes(net) < exported <= stored_bytes(net)
    # By hand: 9,210 parameters, and mean and variance of 256 normalised channels.
    assert stored_bytes(net) == 4 * (9_210 + 2 * (16 + 16 + 32 + 32 + 48 + 48 + 64))


def test_costs_add():
    assert Cost(1, 2, 3) + Cost(10, 20, 30) == Cost(11, 22, 33)


@pytest.mark.parametrize(
    ("budget", "fits"),
    [
        (Budget(), True),
        (Budget(params=10, macs=20, bytes=30), True),  # a bound may be reached
        (Budget(params=9), False),
        (Budget(macs=19), False),
        (Budget(bytes=29), False),
        (Budget(params=10, macs=19), False),
    ],
)
def test_every_bound_counts(budget, fits):
    assert budget.fits(Cost(10, 20, 30)) is fits


@pytest.mark.parametrize("bound", ["params", "macs", "bytes"])
@pytest.mark.parametrize("value", [0, -1])
def test_a_bound_is_positive(bound, value):
    with pytest.raises(SpecError, match=f"positive bound on {bound} or None, got {value}"):
        Budget(**{bound: value})
