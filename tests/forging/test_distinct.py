"""Twins in a fleet are refused; what is unlike is measured, the same on every call."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from obfnet.errors import ForgeError
from obfnet.forging.distinct import compare
from obfnet.forging.obfnet import Table
from obfnet.forging.sets import spread_over
from obfnet.mechanisms.codebook import Codebook
from small_nets import members, quick


@pytest.fixture(scope="module")
def fleet(infnet, digits, splits):
    """Three codebook ObfNets that have learned something."""
    return quick(infnet, digits, splits, devices=3)


@pytest.fixture(scope="module")
def three(fleet):
    return members(fleet)


@pytest.fixture(scope="module")
def samples(digits, splits):
    return spread_over(digits, splits, 128)


def test_a_fleet_is_measured(fleet, three):
    found = fleet[0].distinctness
    assert all(each.distinctness is found for each in fleet)
    assert found.obfnets == len(three) == 3
    assert 0.5 < found.weights < 2  # two draws of equal length are about 1.4 of it apart
    least, mean = found.obfuscated
    assert 0.3 < least <= mean < 2
    most, agreed = found.codes
    assert 0.2 < agreed <= most <= 1  # code k stands for class k in all of them
    # What is learned of one ObfNet's rows tells little about another's.
    assert 0.1 < found.own < 1
    assert 0 <= found.transfer < found.own - 0.1
    assert found.to_dict()["obfuscated"] == [least, mean]


def test_measures_of_one_pair(digits, three, samples):
    """By hand, where there is but one pair."""
    one, other = three[:2]
    found = compare([one, other], samples, 0)
    both = np.stack([one(samples), other(samples)])
    apart = np.sqrt(((both[0] - both[1]) ** 2).mean()) / both.std()
    assert found.obfuscated == pytest.approx((apart, apart), rel=1e-5)
    codes = [
        obfnet.mechanism.release(obfnet.encoder(torch.tensor(samples)).detach().numpy())
        for obfnet in (one, other)
    ]
    share = (codes[0] == codes[1]).mean()
    assert found.codes == pytest.approx((share, share))
    flat = [
        torch.cat([p.detach().flatten() for p in obfnet.encoder.parameters()])
        for obfnet in (one, other)
    ]
    length = (flat[0].norm() + flat[1].norm()) / 2
    assert found.weights == pytest.approx(float((flat[0] - flat[1]).norm() / length), rel=1e-5)


def test_one_obfnet_has_no_distinctness(infnet, digits, splits):
    (alone,) = quick(infnet, digits, splits)
    assert alone.distinctness is None


def _shuffled(table, seed):
    """The same exemplars of each code, in another order."""
    order = torch.from_numpy(np.random.default_rng(seed).permutation(table.rows.shape[1]))
    return Table(table.rows[:, order])


@pytest.mark.parametrize("what", ["x'", "encoders", "tables"])
def test_twins_are_refused(what, three, samples):
    one, other, third = three
    twin = {
        "x'": replace(one, seed=99),
        # Their x' differ on every sample where the other part disagrees.
        "encoders": replace(one, decoder=third.decoder),
        "tables": replace(third, decoder=one.decoder),
    }[what]
    with pytest.raises(ForgeError, match=rf"1 pairs .* the {what} of numbers 0 and 2"):
        compare([one, other, twin], samples, 0)
    compare([one, other, third], samples, 0)


def test_a_fleet_with_twins_is_not_forged(infnet, digits, splits, monkeypatch):
    """Should two branches of the seed tree ever meet."""
    monkeypatch.setattr("obfnet.forging.fleet.branch", lambda *_: 5)
    with pytest.raises(ForgeError, match="not distinct"):
        quick(infnet, digits, splits, size=2)


def test_nearly_the_same_x_is_the_same(three, samples):
    one = three[0]
    moved = Table(one.decoder.rows + 0.01 * torch.randn(one.decoder.rows.shape))
    encoder = nn.Sequential(*three[0].encoder)
    with pytest.raises(ForgeError, match="x'"):
        compare([one, replace(one, encoder=encoder, decoder=moved)], samples, 0)


@pytest.fixture(scope="module")
def decoys(infnet, digits, splits):
    """Two ObfNets with several exemplars of each code."""
    pool = digits.samples[splits.train]
    few = replace(splits, train=splits.train[-200:], attacker_train=splits.train[-200:])
    public = pool[:-200]
    return members(quick(infnet, digits, few, size=2, rows="decoy", pool=public, exemplars=3))


def test_exemplars_are_drawn_by_the_seed(decoys, samples):
    found = [compare(decoys, samples, seed) for seed in (0, 0, 1)]
    assert found[0] == found[1]
    assert found[0].obfuscated != found[2].obfuscated


def test_the_order_of_exemplars_makes_no_other_table(decoys, samples):
    one, other = decoys
    assert one.decoder.rows.shape[1] == 3
    assert one.mechanism == Codebook(10)
    twin = replace(other, decoder=_shuffled(one.decoder, 0))
    with pytest.raises(ForgeError, match="tables"):
        compare([one, twin], samples, 0)
