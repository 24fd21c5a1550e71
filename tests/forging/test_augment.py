"""Shifts move whole samples by a few cells and change nothing else."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from obfnet.forging.augment import Shift, fitting


@given(st.integers(0, 3), st.integers(0, 3), st.integers(0, 99))
def test_each_sample_is_one_of_the_shifts_of_its_original(vertical, horizontal, seed):
    torch.manual_seed(seed)
    samples = torch.rand(4, 2, 6, 5)
    shifted = Shift(vertical, horizontal)(samples)
    for sample, moved in zip(samples, shifted, strict=True):
        assert any(
            torch.equal(moved, _by_hand(sample, down, right))
            for down in range(-vertical, vertical + 1)
            for right in range(-horizontal, horizontal + 1)
        )


def _by_hand(sample, down, right):
    _, height, width = sample.shape
    rows = (torch.arange(height) + down).clamp(0, height - 1)
    columns = (torch.arange(width) + right).clamp(0, width - 1)
    return sample[:, rows][:, :, columns]


def test_samples_of_a_batch_move_independently():
    torch.manual_seed(0)
    ramp = torch.arange(28.0).expand(200, 1, 28, 28).contiguous()
    middles = Shift(0, 2)(ramp)[:, 0, 14, 14]
    assert sorted(set(middles.tolist())) == [12, 13, 14, 15, 16]


def test_mfcc_are_shifted_in_time_only():
    assert fitting("mfcc", (1, 20, 45)) == Shift(0, 2)
    assert fitting("image", (1, 28, 28)) == Shift(2, 2)
    assert fitting("image", (1, 8, 8)) == Shift(1, 1)


@pytest.mark.parametrize(("kind", "shape"), [("plain", (1, 8, 8)), ("image", (64,))])
def test_nothing_is_varied_where_nothing_is_known_to_be_safe(kind, shape):
    assert fitting(kind, shape) is None
