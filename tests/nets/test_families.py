"""Families scaled by one number, and the member that a budget gets."""

import pickle
from dataclasses import astuple
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import nn

from obfnet.errors import SpecError
from obfnet.nets.budget import Budget
from obfnet.nets.cost import Cost, cost
from obfnet.nets.families import FAMILIES, KINDS, ladders, propose
from obfnet.nets.mlp import MlpEncoder
from obfnet.nets.proposals import table
from obfnet.nets.separable import SeparableEncoder
from obfnet.nets.temporal import TemporalEncoder

SHAPES = [
    ((1, 28, 28), "image"),
    ((3, 32, 32), "image"),
    ((3, 64, 96), "image"),
    ((3, 128, 128), "image"),
    ((1, 8, 8), "image"),
    ((1, 20, 45), "mfcc"),
    ((20,), "plain"),
    ((1, 7, 9), "image"),
]
STANDARD = {
    nn.Linear, nn.Conv2d, nn.BatchNorm1d, nn.BatchNorm2d, nn.ReLU, nn.AvgPool2d, nn.Flatten,
}  # fmt: skip


@pytest.mark.parametrize(("shape", "kind"), SHAPES)
@pytest.mark.parametrize("depth", [1, 2])
def test_a_ladder_rises_in_every_cost(shape, kind, depth):
    for ladder in ladders(shape, 10, kind, depth):
        some = [0, 1, len(ladder.rungs) // 2, len(ladder.rungs) - 1]
        costs = [astuple(ladder.proposal(rung).cost) for rung in some]
        for lower, higher in pairwise(costs):
            assert all(one < other for one, other in zip(lower, higher, strict=True))


@pytest.mark.parametrize(("shape", "kind"), SHAPES)
def test_members_are_standard_layers_in_sequence(shape, kind):
    """What trains side by side as groups of one net must have no forward of its own."""
    for ladder in ladders(shape, 3, kind):
        net = ladder.proposal(0).factory()
        assert net(torch.rand(2, *shape)).shape == (2, 3)
        for module in net.modules():
            sequence = isinstance(module, nn.Sequential)
            assert type(module) in STANDARD or sequence
            assert not sequence or type(module).forward is nn.Sequential.forward


@pytest.mark.parametrize(("shape", "kind"), [(s, k) for s, k in SHAPES if len(s) == 3])
def test_families_reach_from_a_thousand_parameters_to_ten_million_macs(shape, kind):
    if KINDS[kind](shape) == "mlp":
        return
    found = ladders(shape, 10, kind)
    assert found[-1].proposal(0).cost.params <= 1_110
    if min(shape[1:]) >= 16:
        assert found[0].proposal(len(found[0].rungs) - 1).cost.macs > 9_000_000


@pytest.mark.parametrize(("shape", "kind"), SHAPES)
@pytest.mark.parametrize(
    "budget", [Budget(params=3_000), Budget(macs=600_000), Budget(bytes=60_000, macs=300_000)]
)
def test_a_proposal_fits_and_the_next_rung_does_not(shape, kind, budget):
    found = propose(shape, 4, budget, kind)
    assert budget.fits(found.cost)
    module = found.factory()
    assert cost(module, shape) == found.cost
    assert propose(shape, 4, budget, kind) == found
    for ladder in ladders(shape, 4, kind):
        if found.arguments in ladder.rungs:
            above = ladder.rungs.index(found.arguments) + 1
            assert above == len(ladder.rungs) or not budget.fits(ladder.proposal(above).cost)


@pytest.mark.parametrize(
    ("shape", "kind", "encoder"),
    [
        ((1, 28, 28), "image", SeparableEncoder),
        ((3, 8, 8), "image", SeparableEncoder),
        ((3, 7, 8), "image", MlpEncoder),
        ((28, 28), "image", MlpEncoder),
        ((1, 20, 45), "mfcc", TemporalEncoder),
        ((1, 20, 7), "mfcc", MlpEncoder),
        ((12,), "plain", MlpEncoder),
        ((1, 28, 28), "plain", MlpEncoder),
    ],
)
def test_the_family_is_that_of_the_sample(shape, kind, encoder):
    assert type(propose(shape, 2, Budget(), kind).factory()) is encoder


def test_the_usual_encoder_is_what_its_own_cost_proposes():
    usual = Budget(params=9_210, macs=420_432)
    assert propose((1, 28, 28), 10, usual).arguments == {
        "widths": (16, 32, 48, 64), "depth": 1, "shrink": 1,
    }  # fmt: skip


def test_a_large_picture_is_averaged_only_where_channels_would_be_lost():
    shrinks = [
        propose((3, 128, 128), 10, Budget(macs=bound)).arguments["shrink"]
        for bound in (500_000, 1_500_000, 5_000_000)
    ]
    assert shrinks == [4, 2, 1]


@pytest.mark.parametrize("budget", [Budget(params=500), Budget(macs=5_000), Budget(bytes=1_000)])
def test_when_nothing_fits_the_smallest_is_named(budget):
    with pytest.raises(SpecError) as caught:
        propose((1, 28, 28), 10, budget)
    assert "the smallest has 955 parameters, 29,145 MACs, 4,204 bytes" in str(caught.value)
    assert str(budget) in str(caught.value)
    assert propose((1, 28, 28), 10, Budget(955, 29_145, 4_204)).cost == Cost(955, 29_145, 4_204)


@pytest.mark.parametrize(("shape", "kind"), SHAPES)
def test_a_factory_travels(shape, kind):
    made = propose(shape, 5, Budget(macs=400_000), kind)
    again = pickle.loads(pickle.dumps(made.factory))  # noqa: S301  # our own bytes
    one, other = made.factory().state_dict(), again().state_dict()
    assert {name: value.shape for name, value in one.items()} == {
        name: value.shape for name, value in other.items()
    }


def test_proposing_draws_no_random_numbers():
    before = torch.get_rng_state()
    propose((3, 32, 32), 10, Budget(macs=300_000))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: propose((1, 28, 28), 10, Budget(), "sound"),
        lambda: propose((), 10, Budget(), "plain"),
        lambda: propose((1, 28, 28), 0, Budget()),
        lambda: SeparableEncoder((1, 28, 28), 10, widths=()),
        lambda: SeparableEncoder((1, 28, 28), 10, shrink=4),
        lambda: TemporalEncoder((1, 20, 7), 10),
        lambda: MlpEncoder((4,), 2, hidden=(0,)),
    ],
)
def test_impossible_encoders_are_refused(wrong):
    with pytest.raises(SpecError, match=r"expected|needs"):
        wrong()


def test_every_family_has_a_kind():
    reached = {KINDS[kind](shape) for shape, kind in SHAPES}
    assert reached == set(FAMILIES)


@pytest.mark.parametrize(
    ("shape", "grid"),
    [
        ((1, 8, 8), (4, 4)), ((1, 28, 28), (7, 7)), ((3, 32, 32), (8, 8)),
        ((3, 64, 64), (8, 8)), ((3, 128, 128), (8, 8)), ((3, 224, 224), (7, 7)),
    ],
)  # fmt: skip
def test_pictures_are_halved_enough(shape, grid):
    features = SeparableEncoder(shape, 2, (3, 3, 3)).features
    assert features[:-2](torch.rand(2, *shape)).shape[2:] == grid


def test_the_usual_encoder_starts_as_it_always_did():
    """Published results depend on names and on the order in which weights are drawn."""
    torch.manual_seed(0)
    state = SeparableEncoder((1, 28, 28), 10).state_dict()
    assert next(iter(state)) == "features.0.0.weight"
    assert list(state)[-2:] == ["head.weight", "head.bias"]
    torch.manual_seed(0)
    stem = nn.Conv2d(1, 16, 3, bias=False)
    assert torch.equal(state["features.0.0.weight"], stem.weight)


def test_batch_norm_is_a_choice_of_the_mlp():
    kinds = [type(layer) for layer in MlpEncoder((4,), 2, (8, 8), batch_norm=True).features]
    assert kinds == [nn.Flatten, *([nn.Linear, nn.BatchNorm1d, nn.ReLU] * 2)]


def test_the_docs_show_what_is_proposed():
    page = Path(__file__).parents[2] / "docs" / "encoders.md"
    assert table() in page.read_text("utf-8")
